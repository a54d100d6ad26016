//! Flows through a Service.

use super::between::{nodes, other_nodes};
use super::{Expected, Flow, FlowTarget, SERVICE};
use crate::hop::Party;

pub(super) const FLOWS: &[Flow] = &[
    Flow {
        name: "pod-service",
        about: "a pod reaches a pod through a ClusterIP",
        sender: Party::Pod,
        target: SERVICE,
        expected: Expected::Delivered,
        between: nodes,
    },
    Flow {
        name: "node-service",
        about: "a host reaches a pod through a ClusterIP",
        sender: Party::Host,
        target: SERVICE,
        expected: Expected::Delivered,
        between: nodes,
    },
    Flow {
        name: "node-port",
        about: "a host reaches a pod through a NodePort of another",
        sender: Party::Host,
        target: FlowTarget::NodePort,
        expected: Expected::Delivered,
        between: other_nodes,
    },
];
