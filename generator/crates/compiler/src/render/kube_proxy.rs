//! kube-proxy's configuration: in kubeadm's init file for a new cluster, and as a patch of the
//! ConfigMap for one that runs.

use serde::Serialize;

use crate::artifact::ArtifactSet;
use crate::encode::yaml;
use crate::kubernetes::manifest::Manifest;
use crate::plan::Plan;
use crate::plan::kube_proxy::KubeProxyPlan;
use crate::render::objects::ObjectValues;
use crate::render::{ClusterRenderer, Output};
use meshwright_value::{ProxyMode, Scheduler, Subnet, TcpTimeout};

/// The patch that brings a running cluster to the planned mode.
pub(super) const RENDERER: ClusterRenderer =
    ClusterRenderer { id: "kube_proxy", outputs: &[PATCH], render };

const PATCH: Output = Output {
    path: "cluster/kube-proxy/kube-proxy.patch.yaml",
    consumer: "kubectl patch, for the ConfigMap kube-system/kube-proxy",
};

/// Pods read a change of their ConfigMap only when they restart. After a live switch of the mode, the old
/// mode's rules stay in the kernel until the node restarts (observed with Kubernetes 1.37.2, 2026-11).
const ABOUT: &str = "\
the whole config.conf of kube-proxy: a merge patch replaces it as one string

  kubectl -n kube-system patch cm kube-proxy --type merge --patch-file kube-proxy.patch.yaml
  kubectl -n kube-system rollout restart ds/kube-proxy
  kubectl -n kube-system rollout status ds/kube-proxy

after a change of the mode, drain and reboot the nodes one by one: the rules of the old mode stay";

/// The mounted kubeconfig of kube-proxy's pod (kubeadm's DaemonSet). kubeadm sets it; without it, a patch
/// would make kube-proxy use the Service address that it must itself program.
const KUBECONFIG: &str = "/var/lib/kube-proxy/kubeconfig.conf";

fn render(plan: &Plan, artifacts: &mut ArtifactSet) {
    render_objects(&ObjectValues::of(plan), artifacts);
}

/// The patch.
pub(super) fn render_objects(values: &ObjectValues<'_>, artifacts: &mut ArtifactSet) {
    let client_connection = Some(ClientConnection { kubeconfig: KUBECONFIG });
    let document = configuration(values.kube_proxy, values.pod_subnet, client_connection);
    let patch = ConfigMapPatch { data: KubeProxyConfigMapData { config: yaml::text(&document) } };
    artifacts.add(PATCH.path, yaml::YamlFile::new(ABOUT).document(&patch).finish());
}

/// A patch of a ConfigMap.
#[derive(Serialize)]
struct ConfigMapPatch {
    data: KubeProxyConfigMapData,
}

/// A merge patch does not change `kubeconfig.conf`, the other key of the ConfigMap.
#[derive(Serialize)]
struct KubeProxyConfigMapData {
    #[serde(rename = "config.conf")]
    config: String,
}

/// `KubeProxyConfiguration` (k8s.io/kube-proxy/config/v1alpha1), as far as we do not leave it to
/// its defaults.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct KubeProxyConfiguration {
    #[serde(skip_serializing_if = "Option::is_none")]
    client_connection: Option<ClientConnection>,
    /// Packets to a Service from other addresses are masqueraded. kubeadm would set it from its
    /// `podSubnet`, but a patch would remove it.
    #[serde(rename = "clusterCIDR")]
    cluster_cidr: Subnet,
    #[serde(skip_serializing_if = "Option::is_none")]
    feature_gates: Option<FeatureGates>,
    healthz_bind_address: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    ipvs: Option<Ipvs>,
    /// Always explicit: the default is to change in 1.40 (KEP-5343).
    mode: ProxyMode,
    /// IPVS and iptables would answer on all addresses of the host (kube-proxy's types.go).
    node_port_addresses: [Subnet; 1],
}

#[derive(Debug, Serialize)]
struct ClientConnection {
    kubeconfig: &'static str,
}

#[derive(Debug, Serialize)]
struct FeatureGates {
    #[serde(rename = "KubeProxyIPVS")]
    kube_proxy_ipvs: bool,
}

#[derive(Debug, Serialize)]
struct Ipvs {
    scheduler: Scheduler,
    /// Only load balancers that announce addresses by ARP need it (MetalLB, kube-vip).
    #[serde(rename = "strictARP")]
    strict_arp: bool,
    /// No other program has virtual servers on the host.
    #[serde(rename = "excludeCIDRs")]
    exclude_cidrs: [Subnet; 0],
    /// The kernel's default is 900 s (net/netfilter/ipvs/ip_vs_proto_tcp.c).
    #[serde(rename = "tcpTimeout", skip_serializing_if = "Option::is_none")]
    tcp_timeout: Option<String>,
}

/// A duration as Go prints it, which is the form that kubeadm writes into the ConfigMap.
fn duration(timeout: TcpTimeout) -> String {
    let (minutes, seconds) = (timeout.get() / 60, timeout.get() % 60);
    match (minutes / 60, minutes % 60) {
        (0, 0) => format!("{seconds}s"),
        (0, minutes) => format!("{minutes}m{seconds}s"),
        (hours, minutes) => format!("{hours}h{minutes}m{seconds}s"),
    }
}

/// The document of a new cluster.
pub(super) fn new_cluster(
    kube_proxy: &KubeProxyPlan,
    pod_subnet: Subnet,
) -> Manifest<KubeProxyConfiguration> {
    configuration(kube_proxy, pod_subnet, None)
}

fn configuration(
    planned: &KubeProxyPlan,
    pod_subnet: Subnet,
    client_connection: Option<ClientConnection>,
) -> Manifest<KubeProxyConfiguration> {
    let ipvs = Ipvs {
        scheduler: planned.scheduler,
        strict_arp: false,
        exclude_cidrs: [],
        tcp_timeout: planned.tcp_timeout.map(duration),
    };
    Manifest {
        api_version: "kubeproxy.config.k8s.io/v1alpha1",
        kind: "KubeProxyConfiguration",
        fields: KubeProxyConfiguration {
            client_connection,
            cluster_cidr: pod_subnet,
            feature_gates: planned.ipvs_gate.then_some(FeatureGates { kube_proxy_ipvs: true }),
            healthz_bind_address: planned.healthz_bind_address,
            ipvs: (planned.mode == ProxyMode::Ipvs).then_some(ipvs),
            mode: planned.mode,
            node_port_addresses: [planned.node_port_addresses],
        },
    }
}

#[cfg(test)]
mod tests {
    use super::duration;
    use meshwright_value::TcpTimeout;

    #[test]
    fn durations_are_those_of_go() {
        let table =
            [(7, "7s"), (60, "1m0s"), (3_599, "59m59s"), (86_400, "24h0m0s"), (90_061, "25h1m1s")];
        for (seconds, text) in table {
            assert_eq!(duration(TcpTimeout::new(seconds)), text);
        }
    }
}
