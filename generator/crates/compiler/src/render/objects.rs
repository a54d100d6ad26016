//! The values of the objects below `cluster/`: of a plan, or of the facts that a tree states.

use crate::plan::calico::CalicoPlan;
use crate::plan::ingress::IngressPlan;
use crate::plan::kube_proxy::KubeProxyPlan;
use crate::plan::tunnel::TunnelPlan;
use crate::plan::{NodePlan, Plan, Versions};
use meshwright_value::{Hostname, ImageReference, Subnet};

/// The values of all objects.
pub(super) struct ObjectValues<'a> {
    /// The pinned versions.
    pub versions: &'a Versions,
    /// The regular expression that WireGuard's interface alone matches.
    pub interface_pattern: String,
    /// The MTU of pods, in bytes.
    pub pod_mtu: u16,
    /// The subnet of all pods.
    pub pod_subnet: Subnet,
    /// The subnet of nodes and clients.
    pub node_subnet: Subnet,
    /// The pools in the Installation.
    pub pools: Vec<PoolValues<'a>>,
    /// The pools that are separate objects.
    pub further_pools: Vec<PoolValues<'a>>,
    /// The addresses at which clouds answer their hosts, and not pods.
    pub host_services: Vec<Subnet>,
    /// The pod network.
    pub calico: &'a CalicoPlan,
    /// kube-proxy.
    pub kube_proxy: &'a KubeProxyPlan,
    /// The Ingress controller, if there is one.
    pub ingress: Option<&'a IngressPlan>,
    /// The tunnel.
    pub tunnel: Option<&'a TunnelPlan>,
    /// The hostname of the echo app, and its image.
    pub hello: Option<(&'a Hostname, &'a ImageReference)>,
}

/// The values of one pool.
pub(super) struct PoolValues<'a> {
    /// Its node.
    pub node: &'a str,
    /// Its addresses.
    pub subnet: Subnet,
}

impl<'plan> ObjectValues<'plan> {
    /// The values of a plan.
    pub(super) fn of(plan: &'plan Plan) -> Self {
        let pools = plan.pools();
        Self {
            versions: &plan.versions,
            interface_pattern: plan.wireguard.interface_pattern(),
            pod_mtu: plan.wireguard.mtu.value,
            pod_subnet: plan.network.pod_subnet,
            node_subnet: plan.network.node_subnet,
            pools: pools.installation.into_iter().map(PoolValues::of).collect(),
            further_pools: pools.further.into_iter().map(PoolValues::of).collect(),
            host_services: plan.firewall.host_services.clone(),
            calico: &plan.calico,
            kube_proxy: &plan.kube_proxy,
            ingress: plan.ingress.as_ref(),
            tunnel: plan.tunnel.as_ref(),
            hello: plan.hello.as_ref().map(|hostname| (hostname, &plan.hello_image)),
        }
    }
}

impl<'plan> PoolValues<'plan> {
    fn of(node: &'plan NodePlan) -> Self {
        Self { node: node.name.as_str(), subnet: node.pod_subnet }
    }

    /// Its name.
    pub(super) fn name(&self) -> String {
        format!("pods-{}", self.node)
    }

    /// The selector of its node. kubelet sets that label from the name it registers with, so it is
    /// there from the start.
    pub(super) fn node_selector(&self) -> String {
        format!("kubernetes.io/hostname == '{}'", self.node)
    }
}
