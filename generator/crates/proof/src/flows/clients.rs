//! What clients reach, and what they do not.

use super::between::from_client;
use super::{API, APP, Expected, Flow, KUBELET, SERVICE, Target};
use crate::hop::Party;
use crate::model::packet::Payload;

pub(super) const FLOWS: &[Flow] = &[
    Flow {
        name: "client-ssh",
        about: "a client reaches SSH",
        sender: Party::Host,
        target: Target::Ssh,
        expected: Expected::AsAsked,
        between: from_client,
    },
    Flow {
        name: "client-api",
        about: "kubectl reaches the API",
        sender: Party::Host,
        target: API,
        expected: Expected::AsAsked,
        between: from_client,
    },
    Flow {
        name: "client-ping",
        about: "a client reaches a host",
        sender: Party::Host,
        target: Target::Host(Payload::ping()),
        expected: Expected::AsAsked,
        between: from_client,
    },
    Flow {
        name: "client-kubelet",
        about: "a client does not reach kubelet",
        sender: Party::Host,
        target: KUBELET,
        expected: Expected::Blocked,
        between: from_client,
    },
    Flow {
        name: "client-pod",
        about: "a client reaches a pod",
        sender: Party::Host,
        target: Target::Pod(Payload::tcp(APP)),
        expected: Expected::AsAsked,
        between: from_client,
    },
    Flow {
        name: "client-service",
        about: "a client reaches a pod through a ClusterIP",
        sender: Party::Host,
        target: SERVICE,
        expected: Expected::AsAsked,
        between: from_client,
    },
    Flow {
        name: "client-node-port",
        about: "a client does not reach a NodePort",
        sender: Party::Host,
        target: Target::NodePort,
        expected: Expected::Blocked,
        between: from_client,
    },
];
