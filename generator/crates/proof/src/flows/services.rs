//! Flows through a Service.

use super::between::{nodes, other_nodes};
use super::{Expected, Flow, FlowTarget, SERVICE};
use crate::hop::FlowEnd;

pub(super) const FLOWS: &[Flow] = &[
    Flow {
        name: "pod-service",
        about: "a pod reaches a pod through a ClusterIP",
        sender: FlowEnd::Pod,
        target: SERVICE,
        expected: Expected::Delivered,
        between: nodes,
    },
    Flow {
        name: "node-service",
        about: "a host reaches a pod through a ClusterIP",
        sender: FlowEnd::Host,
        target: SERVICE,
        expected: Expected::Delivered,
        between: nodes,
    },
    Flow {
        name: "node-port",
        about: "a host reaches a pod through a NodePort of another",
        sender: FlowEnd::Host,
        target: FlowTarget::NodePort,
        expected: Expected::Delivered,
        between: other_nodes,
    },
];
