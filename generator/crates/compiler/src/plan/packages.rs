//! Repositories for packages that the distribution does not have, or has in a version that is too
//! old.

use serde::Serialize;

use crate::plan::{NodePlan, Plan};
use crate::release;
use meshwright_value::{Fingerprint, Os};

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
        let (distribution, suite) = distribution(node.os)?;
        let kubernetes = self.packages.kubernetes_apt.as_ref().map(ToString::to_string);
        let kubernetes = kubernetes.unwrap_or_else(|| KUBERNETES_APT.to_owned());
        let containerd = self.packages.containerd_apt.as_ref().map(ToString::to_string);
        let containerd = containerd.unwrap_or_else(|| CONTAINERD_APT.to_owned());
        let version = self.kubernetes_version;
        let minor = format!("{kubernetes}/v{}.{}/deb", version.major(), version.minor());
        Some(AptPackages {
            kubernetes: AptRepository {
                source: format!("{minor}/ /"),
                key: format!("{minor}/Release.key"),
                fingerprints: self.accepted(release::KUBERNETES_APT_KEYS),
                version: format!("{version}-*"),
            },
            containerd: AptRepository {
                source: format!("{containerd}/{distribution} {suite} stable"),
                key: format!("{containerd}/{distribution}/gpg"),
                fingerprints: self.accepted(release::CONTAINERD_APT_KEYS),
                version: release::CONTAINERD_APT_VERSION.to_owned(),
            },
        })
    }

    /// The packages that every node installs from its distribution.
    #[must_use]
    pub fn distribution_packages(&self) -> Vec<&'static str> {
        let balancer = self.control_plane.is_highly_available().then_some("haproxy");
        DISTRIBUTION.into_iter().chain(balancer).collect()
    }

    /// The known fingerprints and the declared ones: a rotated key must not break a boot.
    fn accepted(&self, known: &[&str]) -> Vec<String> {
        let known = known.iter().map(|fingerprint| (*fingerprint).to_owned());
        known.chain(self.packages.fingerprints.iter().map(Fingerprint::to_string)).collect()
    }
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
