//! Calico's dataplane, which depends on kube-proxy's mode.

use meshwright_value::{Dataplane, ProxyMode};

use crate::topology::Topology;

/// The dataplane that Felix programs: the declared one, else the one that kube-proxy's mode needs.
#[must_use]
pub(crate) fn dataplane(topology: &Topology) -> Dataplane {
    topology.calico.dataplane.unwrap_or_else(|| dataplane_for(topology.kube_proxy.mode))
}

/// The dataplane that works with a proxy mode. Felix panics at start with nftables beside IPVS
/// ("IPVS not supported in nftables mode", felix/nftables/match_builder.go), and nftables
/// kube-proxy needs nftables in Felix (Calico, "nftables").
#[must_use]
pub(crate) fn dataplane_for(mode: ProxyMode) -> Dataplane {
    match mode {
        ProxyMode::Ipvs | ProxyMode::Iptables => Dataplane::Iptables,
        ProxyMode::Nftables => Dataplane::Nftables,
    }
}
