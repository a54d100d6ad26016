//! Flows through a Service.

use super::between::{controls, nodes, other_nodes};
use super::{API_SERVICE, Expected, Flow, FlowTarget, SERVICE};
use crate::hop::FlowEnd;

pub(super) const FLOWS: &[Flow] = &[
    Flow {
        name: "pod-service",
        about: "a pod reaches a pod through every port of a Service, such as DNS",
        sender: FlowEnd::Pod,
        target: SERVICE,
        expected: Expected::Delivered,
        between: nodes,
    },
    Flow {
        name: "node-service",
        about: "a host reaches a pod through every port of a Service",
        sender: FlowEnd::Host,
        target: SERVICE,
        expected: Expected::Delivered,
        between: nodes,
    },
    Flow {
        name: "pod-api-service",
        about: "a pod reaches the API as the Service kubernetes",
        sender: FlowEnd::Pod,
        target: API_SERVICE,
        expected: Expected::Delivered,
        between: |model, from, to| nodes(model, from, to) && controls(model, to),
    },
    Flow {
        name: "node-api-service",
        about: "a host reaches the API as the Service kubernetes",
        sender: FlowEnd::Host,
        target: API_SERVICE,
        expected: Expected::Delivered,
        between: |model, from, to| other_nodes(model, from, to) && controls(model, to),
    },
    Flow {
        name: "node-port",
        about: "a host reaches a pod through every NodePort of another",
        sender: FlowEnd::Host,
        target: FlowTarget::NodePort,
        expected: Expected::Delivered,
        between: other_nodes,
    },
];
