//! kube-proxy: one configuration for the whole cluster.

use crate::release::IPVS_GATED_IN;
use crate::topology::Topology;
use meshwright_value::{ProxyMode, Scheduler, Subnet};

/// kube-proxy's configuration.
#[derive(Debug, Clone)]
pub struct KubeProxyPlan {
    /// How Services are implemented.
    pub mode: ProxyMode,
    /// How IPVS chooses an endpoint.
    pub scheduler: Scheduler,
    /// The addresses on which NodePorts answer: only the mesh.
    pub node_port_addresses: Subnet,
    /// Loopback: the default answers on the public side (observed with kube-proxy 1.37.2, 2026-11).
    pub healthz_bind_address: &'static str,
    /// Whether the feature gate `KubeProxyIPVS` must be enabled.
    pub ipvs_gate: bool,
}

pub(super) fn derive(topology: &Topology) -> KubeProxyPlan {
    let mode = topology.kube_proxy.mode;
    let minor = topology.cluster.kubernetes_version.minor();
    KubeProxyPlan {
        mode,
        scheduler: topology.kube_proxy.scheduler,
        node_port_addresses: topology.network.node_subnet,
        healthz_bind_address: "127.0.0.1:10256",
        ipvs_gate: mode == ProxyMode::Ipvs && minor >= IPVS_GATED_IN.value,
    }
}
