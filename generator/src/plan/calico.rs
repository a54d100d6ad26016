//! The pod network: one pool a node, BGP over the mesh, no encapsulation.

use crate::plan::Node;
use crate::topology::Topology;
use crate::value::{AsNumber, Dataplane, Name, ProxyMode, Version};

/// How many pools fit into `Installation.spec.calicoNetwork.ipPools` (`maxItems` in the operator's
/// CRD); further ones are IPPools of their own.
pub const INSTALLATION_POOLS: usize = 25;

/// How many pods kubelet runs by default (`maxPods` in KubeletConfiguration).
const KUBELET_MAX_PODS: u32 = 110;

/// The pod network as a whole. The pools are the nodes' pod blocks.
#[derive(Debug, Clone)]
pub struct Calico {
    /// The release.
    pub version: Version,
    /// What Felix programs.
    pub dataplane: Dataplane,
    /// The AS of all nodes.
    pub as_number: AsNumber,
    /// Whether BGP sessions carry a password.
    pub bgp_password: bool,
    /// The nodes that reflect routes; a full BGP mesh when empty.
    pub route_reflectors: Vec<Name>,
}

pub(super) fn derive(topology: &Topology) -> Calico {
    let mut route_reflectors = topology.calico.route_reflectors.clone();
    route_reflectors.sort();
    Calico {
        version: topology.calico.version,
        dataplane: dataplane(topology),
        as_number: topology.calico.as_number,
        bgp_password: topology.calico.bgp_password,
        route_reflectors,
    }
}

/// What Felix programs: declared, else what kube-proxy's mode asks for.
#[must_use]
pub fn dataplane(topology: &Topology) -> Dataplane {
    topology.calico.dataplane.unwrap_or_else(|| dataplane_for(topology.kube_proxy.mode))
}

/// The dataplane that goes with a proxy mode. Felix panics at start with nftables beside IPVS
/// ("IPVS not supported in nftables mode", felix/nftables/match_builder.go), and nftables
/// kube-proxy asks for nftables Felix (Calico, "nftables").
#[must_use]
pub fn dataplane_for(mode: ProxyMode) -> Dataplane {
    match mode {
        ProxyMode::Ipvs | ProxyMode::Iptables => Dataplane::Iptables,
        ProxyMode::Nftables => Dataplane::Nftables,
    }
}

impl Node {
    /// kubelet's `maxPods`, where the block holds fewer addresses than kubelet would run pods;
    /// further ones would hang in `ContainerCreating`. All addresses of a block are used.
    #[must_use]
    pub fn max_pods(&self) -> Option<u32> {
        let addresses = 1_u32.checked_shl(32 - u32::from(self.pod_subnet.prefix_len()))?;
        (addresses < KUBELET_MAX_PODS).then_some(addresses)
    }
}
