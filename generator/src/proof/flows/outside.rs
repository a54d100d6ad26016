//! What leaves the mesh.

use super::between::same;
use super::{Expected, Flow, Target};
use crate::proof::hop::Party;
use crate::proof::model::packet::Payload;

pub(super) const FLOWS: &[Flow] = &[
    Flow {
        name: "node-internet",
        about: "a host reaches the Internet: packages, time, the others' endpoints",
        sender: Party::Host,
        target: Target::Internet(Payload::tcp(443)),
        expected: Expected::Delivered,
        between: same,
    },
    Flow {
        name: "pod-internet",
        about: "a pod reaches the Internet under its node's address",
        sender: Party::Pod,
        target: Target::Internet(Payload::tcp(443)),
        expected: Expected::Delivered,
        between: same,
    },
    Flow {
        name: "pod-metadata",
        about: "a pod does not reach the metadata service of its node's cloud",
        sender: Party::Pod,
        target: Target::Metadata,
        expected: Expected::Blocked,
        between: same,
    },
];
