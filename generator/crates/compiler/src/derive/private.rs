//! Private names and addresses, which no host on the Internet has.

use meshwright_value::Subnet;

/// Private address space (RFC 1918 §3).
pub(crate) const RFC_1918: [Subnet; 3] = [
    Subnet::from_parts(10, 0, 0, 0, 8),
    Subnet::from_parts(172, 16, 0, 0, 12),
    Subnet::from_parts(192, 168, 0, 0, 16),
];

/// Between carriers and their customers (RFC 6598 §7).
const SHARED: Subnet = Subnet::from_parts(100, 64, 0, 0, 10);

/// Last labels that public DNS will never have, or does not have.
const PRIVATE: [&str; 12] = [
    "arpa",
    "corp",
    "example",
    "home",
    "internal",
    "intranet",
    "invalid",
    "lan",
    "local",
    "localdomain",
    "private",
    "test",
];

/// Whether no host on the Internet has an address of it.
pub(crate) fn is_private(subnet: Subnet) -> bool {
    RFC_1918.iter().chain([&SHARED]).any(|range| range.contains(&subnet))
}

/// The last label of a name that public DNS does not have; empty for one without a dot.
pub(crate) fn private_domain(name: &str) -> Option<&str> {
    match name.rsplit_once('.') {
        None => Some(""),
        Some((_, last)) => Some(last).filter(|last| PRIVATE.contains(last)),
    }
}

#[cfg(test)]
mod tests {
    use super::private_domain;

    #[test]
    fn public_names_have_a_public_end() {
        let table = [
            ("home", Some("")),
            ("nas.local", Some("local")),
            ("router.home.arpa", Some("arpa")),
            ("local.example.com", None),
            ("berlin.example.net", None),
        ];
        for (name, expected) in table {
            assert_eq!(private_domain(name), expected, "{name}");
        }
    }
}
