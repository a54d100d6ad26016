//! Flows between pods, and between pods and hosts.

use super::between::{controls, nodes, other_nodes};
use super::{API, BGP, ETCD, EVERY_TO_APP, Expected, Flow, FlowTarget, KUBELET, to_tcp};
use crate::hop::FlowEnd;
use crate::model::packet::PacketPayload;
use crate::model::payload_set::{DNS, FlowPayloads};

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
        name: "pod-ping",
        about: "a pod pings a host",
        sender: FlowEnd::Pod,
        target: FlowTarget::Host(FlowPayloads::only(PacketPayload::ping())),
        expected: Expected::Delivered,
        between: nodes,
    },
    Flow {
        name: "pod-dns-of-host",
        about: "a pod reaches a DNS server on a host, such as NodeLocal DNS",
        sender: FlowEnd::Pod,
        target: FlowTarget::Host(FlowPayloads::only(PacketPayload::udp(DNS))),
        expected: Expected::Delivered,
        between: nodes,
    },
    Flow {
        name: "pod-node-port",
        about: "a pod reaches a pod through every NodePort of another host",
        sender: FlowEnd::Pod,
        target: FlowTarget::NodePort,
        expected: Expected::Delivered,
        between: other_nodes,
    },
    Flow {
        name: "pod-ssh",
        about: "a pod does not reach SSH of a host, unless `pod_ports` opens it",
        sender: FlowEnd::Pod,
        target: FlowTarget::Ssh,
        expected: Expected::Blocked,
        between: |model, from, to| nodes(model, from, to) && !model.opens_ssh_to_pods(to),
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
