//! What is known of releases: the one place for knowledge about versions. Each line has its source
//! and was true on the day in [`KNOWN_UNTIL`]; the clock is never asked.

use crate::value::Version;

/// When this knowledge was last compared with its sources.
pub(crate) const KNOWN_UNTIL: &str = "2026-11-23";

/// The oldest minor of Kubernetes 1 that is supported here: kubeadm's v1beta4 configuration with
/// all fields that we emit, and Calico 3.32's oldest tested minor.
pub(crate) const OLDEST_KUBERNETES: u16 = 34;

/// The newest minor of Kubernetes 1 that the emitted files were run against.
pub(crate) const NEWEST_KUBERNETES: u16 = 37;

/// The minors of Kubernetes 1 that a Calico 3 minor is tested with upstream
/// (docs.tigera.io, "System requirements", of each release).
pub(crate) const CALICO_TESTED: &[CalicoSupport] = &[
    CalicoSupport { calico: 31, kubernetes: 32..=35 },
    CalicoSupport { calico: 32, kubernetes: 34..=36 },
    CalicoSupport { calico: 33, kubernetes: 35..=37 },
];

/// One line of [`CALICO_TESTED`].
#[derive(Debug, Clone)]
pub(crate) struct CalicoSupport {
    /// The minor of Calico 3.
    pub calico: u16,
    /// The minors of Kubernetes 1.
    pub kubernetes: std::ops::RangeInclusive<u16>,
}

/// The minors of Kubernetes that this Calico is tested with; `None` when it is not known.
#[must_use]
pub(crate) fn calico_support(calico: Version) -> Option<&'static CalicoSupport> {
    CALICO_TESTED.iter().find(|line| calico.major() == 3 && line.calico == calico.minor())
}

/// The sandbox image that kubeadm of that version pulls (`PauseVersion` in kubeadm's constants:
/// 3.10.1 until 1.35, 3.10.2 since 1.36, kubernetes#138199).
#[must_use]
pub(crate) const fn pause_tag(kubernetes: Version) -> &'static str {
    if kubernetes.minor() >= 36 { "3.10.2" } else { "3.10.1" }
}

/// Whether kubeadm's port check looks at all addresses instead of the one that is bound, and so
/// trips over the load balancer on 127.0.0.1:6443 (kubernetes#138250, in 1.37).
#[must_use]
pub(crate) const fn preflight_checks_all_addresses(kubernetes: Version) -> bool {
    kubernetes.minor() <= 36
}
