//! Flows between pods, and between pods and hosts.

use super::between::{controls, nodes, other_nodes};
use super::{API, BGP, ETCD, EVERY_TO_APP, Expected, Flow, FlowTarget, KUBELET, to_tcp};
use crate::hop::FlowEnd;
use crate::model::packet::PacketPayload;
use crate::model::payload_set::FlowPayloads;

pub(super) const FLOWS: &[Flow] = &[
    Flow {
        name: "pod-pod",
        about: "a pod reaches every port of a pod, and pings it",
        sender: FlowEnd::Pod,
        target: FlowTarget::Pod(EVERY_TO_APP),
        expected: Expected::Delivered,
        between: nodes,
    },
    Flow {
        name: "pod-pod-without-bgp",
        about: "a pod reaches a pod while BIRD has no routes",
        sender: FlowEnd::Pod,
        target: FlowTarget::PodWithoutBgp(EVERY_TO_APP),
        expected: Expected::Delivered,
        between: other_nodes,
    },
    Flow {
        name: "pod-api",
        about: "a pod reaches the API as a port of a host",
        sender: FlowEnd::Pod,
        target: API,
        expected: Expected::Delivered,
        between: |model, from, to| nodes(model, from, to) && controls(model, to),
    },
    Flow {
        name: "pod-kubelet",
        about: "a metrics server reaches kubelet",
        sender: FlowEnd::Pod,
        target: KUBELET,
        expected: Expected::Delivered,
        between: nodes,
    },
    Flow {
        name: "pod-host",
        about: "a pod reaches a host, except BGP and etcd",
        sender: FlowEnd::Pod,
        target: FlowTarget::Host(FlowPayloads::every_but_tcp(
            PacketPayload::tcp(10_250),
            &[179, 2379, 2380],
        )),
        expected: Expected::Delivered,
        between: nodes,
    },
    Flow {
        name: "pod-bgp",
        about: "a pod opens no BGP session",
        sender: FlowEnd::Pod,
        target: BGP,
        expected: Expected::Blocked,
        between: nodes,
    },
    Flow {
        name: "pod-etcd",
        about: "a pod does not reach etcd",
        sender: FlowEnd::Pod,
        target: ETCD,
        expected: Expected::Blocked,
        between: nodes,
    },
    Flow {
        name: "pod-etcd-peer",
        about: "a pod does not reach etcd's peer port",
        sender: FlowEnd::Pod,
        target: FlowTarget::Host(to_tcp(2380)),
        expected: Expected::Blocked,
        between: nodes,
    },
    Flow {
        name: "node-pod",
        about: "probes and webhooks: a host reaches every port of a pod",
        sender: FlowEnd::Host,
        target: FlowTarget::Pod(EVERY_TO_APP),
        expected: Expected::Delivered,
        between: nodes,
    },
];
