//! Whom cloudflared talks to: the edge, cluster DNS, the Ingress controller. Who holds the tunnel's
//! credential or its rules at Cloudflare gets no further into the cluster or into a LAN.

use crate::kubernetes::manifest::{Manifest, Metadata, Object};
use crate::kubernetes::network_policy::{
    EgressRule, NetworkPolicySpec, Peer, Port, Selector, network_policy,
};
use crate::plan::Plan;
use crate::plan::tunnel::{NAMESPACE, POD_LABEL};

/// What is not the Internet; every subnet of ours lies within (rule `subnet-not-private`).
const PRIVATE: &[&str] =
    &["10.0.0.0/8", "100.64.0.0/10", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16"];

/// QUIC and HTTP/2 to the edge (Cloudflare, "Tunnel with firewall").
const EDGE: u16 = 7844;

pub(super) fn of(plan: &Plan) -> Manifest<Object<'static, NetworkPolicySpec>> {
    let place = plan.ingress.place;
    let edge = Peer::addresses("0.0.0.0/0", PRIVATE);
    let dns = Peer::pods("kube-system", [("k8s-app", "kube-dns")]);
    let controller = Peer::pods(place.namespace, place.pod_labels.iter().copied());
    let egress = vec![
        // 443 is Cloudflare's API, for the checks at a start.
        EgressRule {
            to: vec![edge],
            ports: vec![Port::udp(EDGE), Port::tcp(EDGE), Port::tcp(443)],
        },
        EgressRule { to: vec![dns], ports: vec![Port::udp(53), Port::tcp(53)] },
        EgressRule { to: vec![controller], ports: vec![Port::tcp(place.http_port)] },
    ];
    let metadata = Metadata::namespaced("cloudflared", NAMESPACE);
    network_policy(metadata, Selector::new([POD_LABEL]), Vec::new(), Some(egress))
}
