//! Flows to the networks behind machines of the mesh, and from them.

use super::between::{
    client_to_network, from_network, from_network_to_pods, node_to_network, pods_to_closed_network,
    pods_to_network,
};
use super::{EVERY_TO_APP, Expected, Flow, FlowTarget, NetworkRange};
use crate::hop::FlowEnd;
use crate::model::packet::PacketPayload;
use crate::model::payload_set::FlowPayloads;

const EVERY: FlowPayloads = FlowPayloads::every(PacketPayload::tcp(445));

pub(super) const FLOWS: &[Flow] = &[
    Flow {
        name: "node-network",
        about: "a host reaches every port of a network behind another machine, and pings it",
        sender: FlowEnd::Host,
        target: FlowTarget::Network(NetworkRange::All, EVERY),
        expected: Expected::Delivered,
        between: node_to_network,
    },
    Flow {
        name: "pod-network",
        about: "a pod reaches every port of a network behind a machine, under that machine's address",
        sender: FlowEnd::Pod,
        target: FlowTarget::Network(NetworkRange::OpenToPods, EVERY),
        expected: Expected::Delivered,
        between: pods_to_network,
    },
    Flow {
        name: "pod-network-closed",
        about: "a pod reaches no network that is closed to pods",
        sender: FlowEnd::Pod,
        target: FlowTarget::Network(NetworkRange::ClosedToPods, EVERY),
        expected: Expected::Blocked,
        between: pods_to_closed_network,
    },
    Flow {
        name: "client-network",
        about: "a client reaches a network behind another machine",
        sender: FlowEnd::Host,
        target: FlowTarget::Network(NetworkRange::All, EVERY),
        expected: Expected::AsAsked,
        between: client_to_network,
    },
    Flow {
        name: "network-node",
        about: "a machine of such a network opens no connection to a host across the mesh",
        sender: FlowEnd::Network,
        target: FlowTarget::Host(FlowPayloads::every(PacketPayload::tcp(10_250))),
        expected: Expected::Blocked,
        between: from_network,
    },
    Flow {
        name: "network-pod",
        about: "a machine of such a network opens no connection to a pod",
        sender: FlowEnd::Network,
        target: FlowTarget::Pod(EVERY_TO_APP),
        expected: Expected::Blocked,
        between: from_network_to_pods,
    },
];
