//! Calico's dataplane: what goes with a mode of kube-proxy.

use meshwright_value::{Dataplane, ProxyMode};

use crate::topology::Topology;

/// What Felix programs: declared, else what kube-proxy's mode asks for.
#[must_use]
pub(crate) fn dataplane(topology: &Topology) -> Dataplane {
    topology.calico.dataplane.unwrap_or_else(|| dataplane_for(topology.kube_proxy.mode))
}

/// The dataplane that goes with a proxy mode. Felix panics at start with nftables beside IPVS
/// ("IPVS not supported in nftables mode", felix/nftables/match_builder.go), and nftables
/// kube-proxy asks for nftables Felix (Calico, "nftables").
#[must_use]
pub(crate) fn dataplane_for(mode: ProxyMode) -> Dataplane {
    match mode {
        ProxyMode::Ipvs | ProxyMode::Iptables => Dataplane::Iptables,
        ProxyMode::Nftables => Dataplane::Nftables,
    }
}
