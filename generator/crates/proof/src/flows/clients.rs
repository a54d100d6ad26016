//! Flows of clients.

use super::between::{from_client, to_client, to_server};
use super::{API, EVERY_TO_APP, Expected, Flow, FlowTarget, KUBELET, SERVICE};
use crate::hop::FlowEnd;
use crate::model::packet::PacketPayload;
use crate::model::payload_set::FlowPayloads;

pub(super) const FLOWS: &[Flow] = &[
    Flow {
        name: "client-ssh",
        about: "a client reaches SSH",
        sender: FlowEnd::Host,
        target: FlowTarget::Ssh,
        expected: Expected::AsAsked,
        between: from_client,
    },
    Flow {
        name: "client-api",
        about: "kubectl reaches the API",
        sender: FlowEnd::Host,
        target: API,
        expected: Expected::AsAsked,
        between: from_client,
    },
    Flow {
        name: "client-ping",
        about: "a client reaches a host",
        sender: FlowEnd::Host,
        target: FlowTarget::Host(FlowPayloads::only(PacketPayload::ping())),
        expected: Expected::AsAsked,
        between: from_client,
    },
    Flow {
        name: "client-kubelet",
        about: "a client does not reach kubelet",
        sender: FlowEnd::Host,
        target: KUBELET,
        expected: Expected::Blocked,
        between: from_client,
    },
    Flow {
        name: "client-pod",
        about: "a client reaches a pod",
        sender: FlowEnd::Host,
        target: FlowTarget::Pod(EVERY_TO_APP),
        expected: Expected::AsAsked,
        between: from_client,
    },
    Flow {
        name: "client-service",
        about: "a client reaches a pod through every port of a Service",
        sender: FlowEnd::Host,
        target: SERVICE,
        expected: Expected::AsAsked,
        between: from_client,
    },
    Flow {
        name: "client-node-port",
        about: "a client reaches no NodePort",
        sender: FlowEnd::Host,
        target: FlowTarget::NodePort,
        expected: Expected::Blocked,
        between: from_client,
    },
    Flow {
        name: "pod-client",
        about: "a pod opens no connection to a client, whatever its AllowedIPs are",
        sender: FlowEnd::Pod,
        target: FlowTarget::Host(FlowPayloads::every(PacketPayload::tcp(22))),
        expected: Expected::Blocked,
        between: to_client,
    },
    Flow {
        name: "node-server",
        about: "a host reaches every port of a client with an endpoint, and pings it",
        sender: FlowEnd::Host,
        target: FlowTarget::Host(FlowPayloads::every(PacketPayload::tcp(22))),
        expected: Expected::Delivered,
        between: to_server,
    },
    Flow {
        name: "pod-server",
        about: "a pod reaches every port of a client with an endpoint, under its node's address",
        sender: FlowEnd::Pod,
        target: FlowTarget::Host(FlowPayloads::every(PacketPayload::tcp(22))),
        expected: Expected::Delivered,
        between: to_server,
    },
];
