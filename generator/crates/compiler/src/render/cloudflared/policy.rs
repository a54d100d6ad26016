//! The allowed connections of cloudflared: the edge, cluster DNS, the Ingress controller, and the pods behind origins of
//! the user's own. A stolen tunnel credential, or changed rules at Cloudflare, reach nothing else in the cluster or in a LAN.

use crate::kubernetes::manifest::{Manifest, ObjectFields, ObjectMeta};
use crate::kubernetes::network_policy::{
    LabelSelector, NetworkPolicyEgressRule, NetworkPolicyPeer, NetworkPolicyPort,
    NetworkPolicySpec, network_policy,
};
use crate::plan::tunnel::{NAMESPACE, POD_LABEL, TunnelPlan};
use meshwright_value::{OriginPods, TunnelProtocol};

/// The private ranges; they contain all of our subnets (rule `subnet-not-private`).
const PRIVATE: &[&str] =
    &["10.0.0.0/8", "100.64.0.0/10", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16"];

/// QUIC and HTTP/2 to the edge (Cloudflare, "Tunnel with firewall").
const EDGE: u16 = 7844;

pub(super) fn egress_policy(
    tunnel: &TunnelPlan,
) -> Manifest<ObjectFields<'static, NetworkPolicySpec>> {
    let (workload, protocol) = (tunnel.controller, tunnel.connectors.protocol);
    let edge = NetworkPolicyPeer::addresses("0.0.0.0/0", PRIVATE);
    let dns = NetworkPolicyPeer::pods("kube-system", [("k8s-app", "kube-dns")]);
    let controller =
        NetworkPolicyPeer::pods(workload.namespace, workload.pod_labels.iter().copied());
    let mut egress = vec![
        NetworkPolicyEgressRule { to: vec![edge], ports: edge_ports(protocol) },
        NetworkPolicyEgressRule {
            to: vec![dns],
            ports: vec![NetworkPolicyPort::udp(53), NetworkPolicyPort::tcp(53)],
        },
        NetworkPolicyEgressRule {
            to: vec![controller],
            ports: vec![NetworkPolicyPort::tcp(workload.http_port)],
        },
    ];
    egress.extend(tunnel.origin_pods.iter().map(to_pods));
    let metadata = ObjectMeta::namespaced("cloudflared", NAMESPACE);
    network_policy(metadata, LabelSelector::new([POD_LABEL]), Vec::new(), Some(egress))
}

fn to_pods(pods: &OriginPods) -> NetworkPolicyEgressRule {
    let labels = pods.labels.iter().map(|(key, value)| (key.to_string(), value.to_string()));
    NetworkPolicyEgressRule {
        to: vec![NetworkPolicyPeer::pods(pods.namespace.to_string(), labels)],
        ports: vec![NetworkPolicyPort::tcp(pods.port.get())],
    }
}

/// 443 is Cloudflare's API, for the checks at a start. These try HTTP/2 whatever the protocol.
fn edge_ports(protocol: TunnelProtocol) -> Vec<NetworkPolicyPort> {
    let quic = (protocol != TunnelProtocol::Http2).then_some(NetworkPolicyPort::udp(EDGE));
    quic.into_iter().chain([NetworkPolicyPort::tcp(EDGE), NetworkPolicyPort::tcp(443)]).collect()
}
