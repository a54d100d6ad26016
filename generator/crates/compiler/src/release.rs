//! Facts about releases; no other module has facts about versions. Facts that rules print are
//! [`Known`], each with its source and its day; the clock is never read. The versions that are
//! pinned below were the newest on 2026-11-23.

use std::fmt;

use meshwright_value::{Arch, Os, Version};

/// One fact.
#[derive(Debug, Clone, Copy)]
pub struct Known<T> {
    /// The fact.
    pub value: T,
    /// The day of the source; if it has none, the day on which the fact was last compared with it.
    pub until: &'static str,
    /// The source.
    pub source: &'static str,
}

const fn known<T>(value: T, until: &'static str, source: &'static str) -> Known<T> {
    Known { value, until, source }
}

impl<T: fmt::Display> fmt::Display for Known<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.value.fmt(f)
    }
}

/// The oldest minor of Kubernetes 1 that is supported here: kubeadm's v1beta4 configuration with
/// all fields that we emit, and Calico 3.32's oldest tested minor.
pub const OLDEST_KUBERNETES: Known<u16> = known(
    34,
    "2026-11-23",
    "kubernetes/kubernetes#131677; docs.tigera.io, \"System requirements\"",
);

/// The newest minor of Kubernetes 1 that the emitted files were run against.
pub const NEWEST_KUBERNETES: Known<u16> =
    known(37, "2026-11-23", "kubeadm, kubelet, API server and kube-proxy of 1.37.2, run");

/// Until when a minor of Kubernetes 1 gets patch releases.
#[derive(Debug, Clone, Copy)]
pub struct Support {
    /// The minor.
    pub minor: u16,
    /// The day on which it ends.
    pub end: &'static str,
}

const fn support(minor: u16, end: &'static str) -> Known<Support> {
    known(Support { minor, end }, "2026-11-23", "kubernetes.io/releases, page of the minor")
}

/// The support of each minor.
pub const KUBERNETES_SUPPORT: &[Known<Support>] = &[
    support(34, "2026-10-27"),
    support(35, "2027-02-28"),
    support(36, "2027-06-28"),
    support(37, "2027-10-28"),
];

/// The support of this release; `None` when it is not known.
#[must_use]
pub fn kubernetes_support(kubernetes: Version) -> Option<Known<Support>> {
    let mut lines = KUBERNETES_SUPPORT.iter().copied();
    lines.find(|line| kubernetes.major() == 1 && line.value.minor == kubernetes.minor())
}

/// The newest known patch release of each line that a user may write without one; upstream may have a newer one.
const NEWEST_PATCHES: &[Known<Version>] = &[
    known(Version::new(1, 34, 4), "2026-11-30", "versions of the Go module k8s.io/kubernetes"),
    known(Version::new(1, 35, 4), "2026-11-30", "versions of the Go module k8s.io/kubernetes"),
    known(Version::new(1, 36, 3), "2026-11-30", "versions of the Go module k8s.io/kubernetes"),
    known(Version::new(1, 37, 2), "2026-11-30", "versions of the Go module k8s.io/kubernetes"),
    known(Version::new(3, 32, 1), "2026-11-23", "tags of projectcalico/calico"),
    known(Version::new(3, 33, 0), "2026-11-29", "tags of projectcalico/calico"),
];

/// The newest known patch release of a line such as `1.37`.
#[must_use]
pub fn newest_patch(line: &str) -> Option<Version> {
    let newest = NEWEST_PATCHES.iter().map(|known| known.value);
    let mut of_line =
        newest.filter(|version| format!("{}.{}", version.major(), version.minor()) == line);
    of_line.next()
}

/// Since when kube-proxy warns of its IPVS mode.
pub const IPVS_DEPRECATED_IN: Known<u16> = known(35, "2026-05-28", "kubernetes#134539, KEP-5495");
/// The first minor whose gate `KubeProxyIPVS` is closed by default. The gate does not exist before
/// 1.37, and an unknown gate keeps kube-proxy from starting.
pub const IPVS_GATED_IN: Known<u16> = known(40, "2026-05-28", "KEP-5495");
/// The first minor without the code.
pub const IPVS_REMOVED_IN: Known<u16> = known(43, "2026-05-28", "KEP-5495, \"Removal\"");

/// The first patch release of a minor whose kube-proxy can read the tables of nft 1.1.3; those of
/// other minors always could (kubernetes#136786).
pub const NFTABLES_FIXED_IN: [Known<Version>; 2] = [
    known(Version::new(1, 34, 7), "2026-11-23", "kubernetes#137808, in the changelog of 1.34.7"),
    known(Version::new(1, 35, 4), "2026-11-23", "kubernetes#137807, in the changelog of 1.35.4"),
];

/// Whether a system's nft is 1.1.3 or later: Debian 13 has 1.1.3, Ubuntu 26.04 has 1.1.6
/// (packages.debian.org, packages.ubuntu.com), nixpkgs has had it since 2025.
#[must_use]
pub const fn has_new_nftables(os: Os) -> bool {
    match os {
        Os::Debian13 | Os::Ubuntu2604 | Os::Nixos => true,
        Os::Debian12 | Os::Ubuntu2204 | Os::Ubuntu2404 => false,
    }
}

/// When ingress-nginx was archived, with no update since.
pub const INGRESS_NGINX_RETIRED: Known<&str> =
    known("2026-03-24", "2026-11-23", "README of kubernetes/ingress-nginx");

/// The minors of Kubernetes 1 that a Calico 3 minor is tested with upstream. The day is that of the
/// newest commit of projectcalico/calico that was read.
pub const CALICO_TESTED: &[Known<CalicoSupport>] =
    &[calico(31, 32, 35), calico(32, 34, 36), calico(33, 35, 37)];

const fn calico(calico: u16, first: u16, last: u16) -> Known<CalicoSupport> {
    let support = CalicoSupport { calico, first, last };
    known(support, "2026-08-22", "docs.tigera.io, \"System requirements\", of the release")
}

/// One line of [`CALICO_TESTED`].
#[derive(Debug, Clone, Copy)]
pub struct CalicoSupport {
    /// The minor of Calico 3.
    pub calico: u16,
    /// The oldest minor of Kubernetes 1.
    pub first: u16,
    /// The newest one.
    pub last: u16,
}

impl CalicoSupport {
    /// Whether it is tested with this minor of Kubernetes 1.
    #[must_use]
    pub const fn includes(&self, minor: u16) -> bool {
        self.first <= minor && minor <= self.last
    }
}

/// The minors of Kubernetes that this Calico is tested with; `None` when it is not known.
#[must_use]
pub fn calico_support(calico: Version) -> Option<Known<CalicoSupport>> {
    let mut lines = CALICO_TESTED.iter().copied();
    lines.find(|line| calico.major() == 3 && line.value.calico == calico.minor())
}

/// The sandbox image that kubeadm of that version pulls (`PauseVersion` in kubeadm's constants:
/// 3.10.1 until 1.35, 3.10.2 since 1.36, kubernetes#138199).
#[must_use]
pub const fn pause_tag(kubernetes: Version) -> &'static str {
    if kubernetes.minor() >= 36 { "3.10.2" } else { "3.10.1" }
}

/// The keys that sign pkgs.k8s.io (`isv:kubernetes OBS Project`). It expires on 2026-12-29; a
/// renewed date keeps the fingerprint, a new key is added here or in `[packages]`.
pub const KUBERNETES_APT_KEYS: &[&str] = &["DE15B14486CD377B9E876E1A234654DA9A296436"];

/// The keys that sign Docker's repositories (docs.docker.com, "Install Docker Engine on Debian").
pub const CONTAINERD_APT_KEYS: &[&str] = &["9DC858229FC7DD38854AE2D88D81803C0EBFCD88"];

/// The containerd that is taken from Docker's repository: the newest 2.x, since 1.x is below
/// containerd's own matrix for Kubernetes 1.34 and later (containerd, RELEASES.md).
pub const CONTAINERD_APT_VERSION: &str = "2.*";

/// Helm. The charts below were rendered with 4.3.1.
pub const HELM: &str = "4.3.0";

/// The digest of Helm's archive for an architecture, as in several public repositories that verify the archive, such as
/// in an `install-tools.sh` and in a `versions.env` (searched on 2026-12-01; none was found with one of 4.3.1 or newer).
#[must_use]
pub const fn helm_sha256(arch: Arch) -> &'static str {
    match arch {
        Arch::Amd64 => "86584a54def73570558f66f5111cc53dfed56689637ae32c1201205d494f54fb",
        Arch::Arm64 => "31c5794dd55c66a51e6b7d2e2ac7a114ae8b1de41ff1d9ba51748ac973b06a08",
    }
}

/// The digests of the manifests of Calico's operator, in one release. Upstream publishes no
/// checksum of these files; the digests are those of `manifests/` at the release's tag in
/// projectcalico/calico.
#[derive(Debug, Clone, Copy)]
pub struct CalicoManifests {
    /// The release.
    pub version: Version,
    /// Of `operator-crds.yaml`.
    pub crds: &'static str,
    /// Of `tigera-operator.yaml`.
    pub operator: &'static str,
}

const fn manifests(
    (major, minor, patch): (u16, u16, u16),
    crds: &'static str,
    operator: &'static str,
) -> CalicoManifests {
    CalicoManifests { version: Version::new(major, minor, patch), crds, operator }
}

/// The releases from 3.31 on, computed from the tags of projectcalico/calico of 2026-08-22.
const CALICO_MANIFESTS: &[CalicoManifests] = &[
    manifests(
        (3, 31, 0),
        "2b2342a6d49e1ec7c43aaa2849e02254a208bdb2dafb4f117b1c6f833dae2234",
        "8ded4500cfe6380832e140d7a36d46aafa6b7c6851466fb98c61c7ac1bf95792",
    ),
    manifests(
        (3, 31, 1),
        "a16bf72fd7bb8e69afd2bdb2fd3f75b64ffd111dcaafd41d720a45a1089c48e9",
        "85a0d32952592ec43bac13a4c45b62ae6774d045f60563ecf8a6d861767ed4f8",
    ),
    manifests(
        (3, 31, 2),
        "a16bf72fd7bb8e69afd2bdb2fd3f75b64ffd111dcaafd41d720a45a1089c48e9",
        "c0b05a7f074adb266695e4b7e1fe712e2dbccd26f26e3b84e81c4e895d9879bb",
    ),
    manifests(
        (3, 31, 3),
        "d6193da8ce442328c1a14d3a3bb7ad89fcaceceac5fb293254095fbf736c2499",
        "23d4b023fd862741b8c0fe068d27cecd18f27edda93ecc6b4433c7faeb2b940e",
    ),
    manifests(
        (3, 31, 4),
        "7bb8ed6d44fd89c136b2361909c7d8f0461d162407328282ff3806c874af2d24",
        "44cbcccdfb9e05c5863247d61e7fd9cf83baf7dc2abacf0c04921d8080a863aa",
    ),
    manifests(
        (3, 31, 5),
        "6cc851daf33f79497e095276fe448aed9e74b52a9ea8b4cb96dfb1e9b302b5e2",
        "02e1d5fe06735a8cb6bd2e4716e10186ff4f7ead10390a72fdf44af5694a9b42",
    ),
    manifests(
        (3, 31, 6),
        "6cc851daf33f79497e095276fe448aed9e74b52a9ea8b4cb96dfb1e9b302b5e2",
        "14689b5b61ad1fbea12c68f0d4367f51f24ad47a2bc453fadb7641fe07d8a438",
    ),
    manifests(
        (3, 31, 7),
        "380414d5756e9a1af29ddb1ad70cada07aa344ae7a2680ba7355248621f8adbf",
        "092c10b3d0cb73617aca51367ca59755348f4647e6d2e63fa4e5b81266203214",
    ),
    manifests(
        (3, 32, 0),
        "d9fe9189f1003ea80d93fb4776bfbadfffa42a470909cd2494a0003197cb1a9a",
        "e48fe027f8be3d9136a012a32450f1eabc4c5257c0b76083cd1ab32316637d47",
    ),
    manifests(
        (3, 32, 1),
        "192f8b2d934ef24b62e86b7e1a6e1762d1c8af26a916f78057bc13fa5ed60f71",
        "f18e073794207d372606bc3ea6f8fd73972f86d6828f4ba666dfe0d4aa8ab07f",
    ),
];

/// The digests of a Calico's manifests; `None` when they are not known.
#[must_use]
pub fn calico_manifests(calico: Version) -> Option<&'static CalicoManifests> {
    CALICO_MANIFESTS.iter().find(|manifests| manifests.version == calico)
}

/// A Helm chart.
#[derive(Debug, Clone, Copy)]
pub struct Chart {
    /// Its name, which is also that of the Helm release and of the namespace here.
    pub name: &'static str,
    /// The repository that serves it.
    pub repository: &'static str,
    /// Its version.
    pub version: &'static str,
    /// Its URL in the index of the repository.
    pub url: &'static str,
    /// Its digest in that index, if the index was read.
    pub sha256: Option<&'static str>,
}

/// The last chart of ingress-nginx, of 2026-03-19.
pub const INGRESS_NGINX: Chart = Chart {
    name: "ingress-nginx",
    repository: "https://kubernetes.github.io/ingress-nginx",
    version: "4.15.1",
    url: "https://github.com/kubernetes/ingress-nginx/releases/download/helm-chart-4.15.1/ingress-nginx-4.15.1.tgz",
    sha256: Some("3eff0bd18151d6e6b1c441463410571443dda1ac78292cb189346628de784f0c"),
};

/// The image of [`INGRESS_NGINX`] (its values.yaml).
pub const INGRESS_NGINX_IMAGE: &str = "registry.k8s.io/ingress-nginx/controller:v1.15.1@sha256:594ceea76b01c592858f803f9ff4d2cb40542cae2060410b2c95f75907d659e1";

/// Traefik's chart of August 2026. Its provider for ingress-nginx needs Traefik 3.6.2.
pub const TRAEFIK: Chart = Chart {
    name: "traefik",
    repository: "https://traefik.github.io/charts",
    version: "41.3.0",
    url: "https://traefik.github.io/charts/traefik/traefik-41.3.0.tgz",
    sha256: None,
};

/// The image of [`TRAEFIK`] (`appVersion` in its Chart.yaml), for all architectures.
pub const TRAEFIK_IMAGE: &str = "docker.io/traefik:v3.7.11@sha256:5203c3f39ca70de6790d964624e042463ffbd57715bc82be155cf224c0dd5144";

/// cloudflared, for amd64 and arm64. The emitted configuration was compared with this release.
pub const CLOUDFLARED_IMAGE: &str = "docker.io/cloudflare/cloudflared:2026.8.2@sha256:0aa26e284f05e6c77ae375b8c9c11d9eb6a448fb7bcd8d40f31cb6176189eb38";

/// The echo app, for amd64 and arm64.
pub const WHOAMI_IMAGE: &str = "docker.io/traefik/whoami:v1.11.0@sha256:200689790a0a0ea48ca45992e0450bc26ccab5307375b41c84dfc4f2475937ab";

/// The value of a Service's `trafficDistribution` that prefers endpoints in the client's zone:
/// `PreferClose` is stable since 1.33 (KEP-4444), its clearer name since 1.35 (KEP-3015).
#[must_use]
pub const fn same_zone(kubernetes: Version) -> &'static str {
    if kubernetes.minor() >= 35 { "PreferSameZone" } else { "PreferClose" }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of two minors, the one before a change and the one with it.
    fn around<T>(minor: u16, of: impl Fn(Version) -> T) -> [T; 2] {
        [minor - 1, minor].map(|minor| of(Version::new(1, minor, 0)))
    }

    #[test]
    fn changes_come_with_their_minor() {
        assert_eq!(around(36, pause_tag), ["3.10.1", "3.10.2"]);
        assert_eq!(around(35, same_zone), ["PreferClose", "PreferSameZone"]);
        let ends = |version| kubernetes_support(version).map(|line| line.value.end);
        assert_eq!(around(38, ends), [Some("2027-10-28"), None]);
    }
}
