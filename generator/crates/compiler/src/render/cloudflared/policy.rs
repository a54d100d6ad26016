//! The allowed connections of cloudflared: the edge, cluster DNS, the Ingress controller. A stolen tunnel
//! credential, or changed rules at Cloudflare, reach nothing else in the cluster or in a LAN.

use crate::kubernetes::manifest::{Manifest, ObjectFields, ObjectMeta};
use crate::kubernetes::network_policy::{
    LabelSelector, NetworkPolicyEgressRule, NetworkPolicyPeer, NetworkPolicyPort,
    NetworkPolicySpec, network_policy,
};
use crate::plan::ingress::IngressWorkload;
use crate::plan::tunnel::{NAMESPACE, POD_LABEL};
use meshwright_value::TunnelProtocol;

/// The private ranges; they contain all of our subnets (rule `subnet-not-private`).
const PRIVATE: &[&str] =
    &["10.0.0.0/8", "100.64.0.0/10", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16"];

/// QUIC and HTTP/2 to the edge (Cloudflare, "Tunnel with firewall").
const EDGE: u16 = 7844;

pub(super) fn egress_policy(
    workload: IngressWorkload,
    protocol: TunnelProtocol,
) -> Manifest<ObjectFields<'static, NetworkPolicySpec>> {
    let edge = NetworkPolicyPeer::addresses("0.0.0.0/0", PRIVATE);
    let dns = NetworkPolicyPeer::pods("kube-system", [("k8s-app", "kube-dns")]);
    let controller =
        NetworkPolicyPeer::pods(workload.namespace, workload.pod_labels.iter().copied());
    let egress = vec![
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
    let metadata = ObjectMeta::namespaced("cloudflared", NAMESPACE);
    network_policy(metadata, LabelSelector::new([POD_LABEL]), Vec::new(), Some(egress))
}

/// 443 is Cloudflare's API, for the checks at a start. These try HTTP/2 whatever the protocol.
fn edge_ports(protocol: TunnelProtocol) -> Vec<NetworkPolicyPort> {
    let quic = (protocol != TunnelProtocol::Http2).then_some(NetworkPolicyPort::udp(EDGE));
    quic.into_iter().chain([NetworkPolicyPort::tcp(EDGE), NetworkPolicyPort::tcp(443)]).collect()
}
