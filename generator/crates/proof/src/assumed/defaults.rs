//! Defaults of programs: the proof relies on a number, and no file of the tree sets another.

use crate::assumption::Assumption;
use crate::flows::{EDGE, NODE_PORTS};
use crate::model::Model;
use crate::model::payload_set::EPHEMERAL;
use crate::model::routing::BIRD_METRIC;
use crate::span::TreePaths;

pub(super) fn all(model: &Model, paths: &TreePaths) -> Vec<Assumption> {
    let emitted = &model.emitted;
    let (_, kubeadm) = model.cluster();
    let (first, last) = NODE_PORTS;
    let mut assumptions = vec![
        Assumption::new(
            emitted.guards.file.whole(),
            "each address that RFC 6890 does not reserve can be a host on the Internet, and no other can",
        ),
        Assumption::new(
            kubeadm.whole(),
            format!(
                "NodePorts are {first}-{last}, kubelet listens on port 10250, etcd on 2379 and 2380, and the \
                 Service kubernetes on 443: the defaults of Kubernetes, which this file does not change"
            ),
        ),
        Assumption::new(
            emitted.bgp.file.whole(),
            format!(
                "calico-node's BIRD listens on port 179, installs routes with the metric {BIRD_METRIC}, and \
                 neither learns nor advertises routes with proto kernel"
            ),
        ),
    ];
    if let Some(sysctl) = paths.find(SYSCTL) {
        let (first, last) = EPHEMERAL;
        assumptions.push(Assumption::new(
            sysctl.whole(),
            format!(
                "programs call from the ports {first}-{last}, and masquerading keeps the port: no file sets \
                 net.ipv4.ip_local_port_range"
            ),
        ));
        assumptions.push(Assumption::new(
            sysctl.whole(),
            "kernel parameters that this file does not set have the defaults of the distribution, with which \
             no packet between these machines is dropped, and conntrack has room for all connections",
        ));
    }
    if let Some(tunnel) = &emitted.ingress.tunnel {
        let text = format!("Cloudflare's edge has public addresses, and TCP and UDP port {EDGE}");
        assumptions.push(Assumption::new(tunnel.file.whole(), text));
    }
    let without_mtu = model.ids().filter(|id| model.conf(*id).mtu.is_none());
    assumptions.extend(without_mtu.map(|id| {
        let text = format!("wg-quick derives an MTU of {} from the default route", model.mtu(id));
        Assumption::new(model.machine(id).file.whole(), text)
    }));
    assumptions
}

const SYSCTL: &str = "host/sysctl.conf";
