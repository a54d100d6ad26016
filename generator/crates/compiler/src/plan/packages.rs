//! Repositories for packages that the distribution does not have, or has in a version that is too
//! old.

use serde::Serialize;

use crate::plan::{NodePlan, Plan};
use crate::topology::versions::{RepositoryKey, Versions};
use meshwright_value::{Fingerprint, Os, PackageVersion, Text as _, Version};

/// The community's repositories; one below it for each minor of Kubernetes.
const KUBERNETES_APT: &str = "https://pkgs.k8s.io/core:/stable:";
/// Docker's repositories; one below it for each distribution.
const CONTAINERD_APT: &str = "https://download.docker.com/linux";

/// The packages of the distribution. kubelet and Calico need those of kubeadm's preflight
/// checks (`InPathCheck` in its `preflight/checks.go`); ipset and nftables are for inspection and
/// for our own table; meshwright-node uses ping for peers, and openssl for certificates.
const DISTRIBUTION: [&str; 14] = [
    "ca-certificates",
    "conntrack",
    "ethtool",
    "gpg",
    "iproute2",
    "ipset",
    "iptables",
    "iputils-ping",
    "kmod",
    "nftables",
    "openssl",
    "procps",
    "socat",
    "wireguard-tools",
];

/// The repositories beside the distribution's own, and the versions taken from them.
#[derive(Debug, Clone, Serialize)]
pub struct AptPackages {
    /// kubelet, kubeadm and kubectl.
    pub kubernetes: AptRepository,
    /// containerd: Debian's is too old for every supported Kubernetes.
    pub containerd: AptRepository,
}

/// One repository of apt(8).
#[derive(Debug, Clone, Serialize)]
pub struct AptRepository {
    /// URL, suite and components as sources.list(5) has them.
    pub source: String,
    /// The URL of its key.
    pub key: String,
    /// The keys that may sign it; other keys at the same URL are not used.
    pub fingerprints: Vec<String>,
    /// The version of its packages, as apt-get(8) takes it after `=`.
    pub version: String,
}

impl Plan {
    /// The repositories of one node; `None` on NixOS, which does not use apt.
    #[must_use]
    pub fn apt(&self, node: &NodePlan) -> Option<AptPackages> {
        let kubernetes = self.packages.kubernetes_apt.as_ref().map(ToString::to_string);
        let containerd = self.packages.containerd_apt.as_ref().map(ToString::to_string);
        let declared = DeclaredApt {
            kubernetes: kubernetes.as_deref(),
            containerd: containerd.as_deref(),
            containerd_version: None,
            fingerprints: self.packages.fingerprints.iter().map(Fingerprint::to_string).collect(),
        };
        apt(&self.versions, node.os, self.kubernetes_version, &declared)
    }

    /// The packages that every node installs from its distribution.
    #[must_use]
    pub fn distribution_packages(&self) -> Vec<&'static str> {
        distribution_packages(self.control_plane.is_highly_available())
    }
}

/// Packages of the distribution; haproxy if there are several control planes.
pub(crate) fn distribution_packages(highly_available: bool) -> Vec<&'static str> {
    DISTRIBUTION.into_iter().chain(highly_available.then_some("haproxy")).collect()
}

/// The declared repositories and keys.
pub(crate) struct DeclaredApt<'a> {
    /// Instead of [`KUBERNETES_APT`].
    pub(crate) kubernetes: Option<&'a str>,
    /// Instead of [`CONTAINERD_APT`].
    pub(crate) containerd: Option<&'a str>,
    /// Instead of the pinned version.
    pub(crate) containerd_version: Option<PackageVersion>,
    /// Besides the known keys.
    pub(crate) fingerprints: Vec<String>,
}

impl<'a> DeclaredApt<'a> {
    /// The declared values of these repositories.
    pub(crate) fn of(
        versions: &Versions,
        packages: &'a AptPackages,
        os: Os,
        version: Version,
    ) -> Option<Self> {
        let (distribution, suite) = distribution(os)?;
        let AptPackages { kubernetes, containerd } = packages;
        let minor = format!("/v{}.{}/deb/ /", version.major(), version.minor());
        let known = versions.kubernetes.keys.len();
        Some(Self {
            kubernetes: kubernetes.source.strip_suffix(&minor),
            containerd: containerd.source.strip_suffix(&format!("/{distribution} {suite} stable")),
            containerd_version: PackageVersion::parse(&containerd.version).ok(),
            fingerprints: kubernetes.fingerprints.iter().skip(known).cloned().collect(),
        })
    }
}

/// The repositories of a host with this operating system.
pub(crate) fn apt(
    versions: &Versions,
    os: Os,
    version: Version,
    declared: &DeclaredApt<'_>,
) -> Option<AptPackages> {
    let (distribution, suite) = distribution(os)?;
    let kubernetes = declared.kubernetes.unwrap_or(KUBERNETES_APT);
    let containerd = declared.containerd.unwrap_or(CONTAINERD_APT);
    let minor = format!("{kubernetes}/v{}.{}/deb", version.major(), version.minor());
    // The known fingerprints and the declared ones: a rotated key must not break a boot.
    let accepted = |known: &[RepositoryKey]| {
        let declared_keys = declared.fingerprints.iter().cloned();
        known.iter().map(|key| key.fingerprint.to_string()).chain(declared_keys).collect()
    };
    Some(AptPackages {
        kubernetes: AptRepository {
            source: format!("{minor}/ /"),
            key: format!("{minor}/Release.key"),
            fingerprints: accepted(&versions.kubernetes.keys),
            version: format!("{version}-*"),
        },
        containerd: AptRepository {
            source: format!("{containerd}/{distribution} {suite} stable"),
            key: format!("{containerd}/{distribution}/gpg"),
            fingerprints: accepted(&versions.containerd.keys),
            version: declared
                .containerd_version
                .as_ref()
                .unwrap_or(&versions.containerd.version)
                .to_string(),
        },
    })
}

/// A distribution and its release, in Docker's words and apt's.
const fn distribution(os: Os) -> Option<(&'static str, &'static str)> {
    match os {
        Os::Debian12 => Some(("debian", "bookworm")),
        Os::Debian13 => Some(("debian", "trixie")),
        Os::Ubuntu2204 => Some(("ubuntu", "jammy")),
        Os::Ubuntu2404 => Some(("ubuntu", "noble")),
        Os::Ubuntu2604 => Some(("ubuntu", "resolute")),
        Os::Nixos => None,
    }
}
