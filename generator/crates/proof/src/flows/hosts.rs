//! Flows between hosts.

use super::between::{controls, other_nodes, speak_bgp};
use super::{API, BGP, ETCD, Expected, Flow, FlowTarget, KUBELET};
use crate::hop::FlowEnd;
use crate::model::packet::PacketPayload;

pub(super) const FLOWS: &[Flow] = &[
    Flow {
        name: "node-node",
        about: "a host reaches every port of a host but SSH, and pings it",
        sender: FlowEnd::Host,
        target: FlowTarget::HostOfNodes(PacketPayload::tcp(10_250)),
        expected: Expected::Delivered,
        between: other_nodes,
    },
    Flow {
        name: "node-ssh",
        about: "a host does not reach SSH of a host, unless `ssh_from_nodes` opens it",
        sender: FlowEnd::Host,
        target: FlowTarget::Ssh,
        expected: Expected::Blocked,
        between: |model, from, to| other_nodes(model, from, to) && !model.opens_ssh_to_nodes(to),
    },
    Flow {
        name: "node-kubelet",
        about: "logs, exec and metrics: a host reaches kubelet",
        sender: FlowEnd::Host,
        target: KUBELET,
        expected: Expected::Delivered,
        between: other_nodes,
    },
    Flow {
        name: "node-bgp",
        about: "BIRD reaches BIRD",
        sender: FlowEnd::Host,
        target: BGP,
        expected: Expected::Delivered,
        between: |model, from, to| other_nodes(model, from, to) && speak_bgp(model, from, to),
    },
    Flow {
        name: "node-api",
        about: "kubelet and kube-proxy reach the API",
        sender: FlowEnd::Host,
        target: API,
        expected: Expected::Delivered,
        between: |model, from, to| other_nodes(model, from, to) && controls(model, to),
    },
    Flow {
        name: "node-etcd",
        about: "etcd reaches etcd",
        sender: FlowEnd::Host,
        target: ETCD,
        expected: Expected::Delivered,
        between: |model, from, to| {
            other_nodes(model, from, to) && controls(model, from) && controls(model, to)
        },
    },
];
