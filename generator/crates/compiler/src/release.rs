//! How releases behave, where the emitted files depend on it. Versions, digests and dates are in
//! `topology::versions`.

use meshwright_value::{Os, Version};

/// Whether a system's nft is 1.1.3 or later: Debian 13 has 1.1.3, Ubuntu 26.04 has 1.1.6
/// (packages.debian.org, packages.ubuntu.com), nixpkgs has had it since 2025.
#[must_use]
pub const fn has_new_nftables(os: Os) -> bool {
    match os {
        Os::Debian13 | Os::Ubuntu2604 | Os::Nixos => true,
        Os::Debian12 | Os::Ubuntu2204 | Os::Ubuntu2404 => false,
    }
}

/// The value of a Service's `trafficDistribution` that prefers endpoints in the client's zone:
/// `PreferClose` is stable since 1.33 (KEP-4444), its clearer name since 1.35 (KEP-3015).
#[must_use]
pub const fn same_zone(kubernetes: Version) -> &'static str {
    if kubernetes.minor() >= 35 { "PreferSameZone" } else { "PreferClose" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_value_changes_with_its_minor_release() {
        let around = [34, 35].map(|minor| same_zone(Version::new(1, minor, 0)));
        assert_eq!(around, ["PreferClose", "PreferSameZone"]);
    }
}
