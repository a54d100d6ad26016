//! kube-proxy: one configuration for the whole cluster.

use crate::topology::Topology;
use meshwright_value::{ProxyMode, ReleaseLine, Scheduler, Subnet, TcpTimeout, Version};

/// kube-proxy's configuration.
#[derive(Debug, Clone)]
pub struct KubeProxyPlan {
    /// How Services are implemented.
    pub mode: ProxyMode,
    /// How IPVS chooses an endpoint.
    pub scheduler: Scheduler,
    /// Seconds after which IPVS forgets an idle TCP connection; none is the kernel's default.
    pub tcp_timeout: Option<TcpTimeout>,
    /// The addresses on which NodePorts answer: only the mesh.
    pub node_port_addresses: Subnet,
    /// Loopback: the default answers on the public side (observed with kube-proxy 1.37.2, 2026-11).
    pub healthz_bind_address: &'static str,
    /// Whether the feature gate `KubeProxyIPVS` must be enabled.
    pub ipvs_gate: bool,
}

pub(super) fn derive(topology: &Topology) -> KubeProxyPlan {
    let settings = &topology.kube_proxy;
    let version = topology.cluster.kubernetes_version;
    let node_subnet = topology.network.node_subnet;
    let tcp_timeout = settings.tcp_timeout;
    let gated = topology.versions.kubernetes.ipvs_gated.line;
    KubeProxyPlan {
        tcp_timeout,
        ..KubeProxyPlan::new(settings.mode, settings.scheduler, (version, gated), node_subnet)
    }
}

impl KubeProxyPlan {
    /// The configuration for a version of Kubernetes, the first minor release whose IPVS mode needs a gate, and the
    /// subnet of all nodes.
    #[must_use]
    pub fn new(
        mode: ProxyMode,
        scheduler: Scheduler,
        (kubernetes_version, gated): (Version, ReleaseLine),
        node_subnet: Subnet,
    ) -> Self {
        Self {
            mode,
            scheduler,
            tcp_timeout: None,
            node_port_addresses: node_subnet,
            healthz_bind_address: "127.0.0.1:10256",
            ipvs_gate: mode == ProxyMode::Ipvs && kubernetes_version.line() >= gated,
        }
    }
}
