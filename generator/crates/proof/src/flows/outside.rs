//! Flows that leave the mesh.

use super::EDGE;
use super::between::same;
use super::{Expected, Flow, FlowTarget};
use crate::hop::FlowEnd;
use crate::model::packet::PacketPayload;
use crate::model::payload_set::FlowPayloads;
use crate::model::{MachineId, Model};

fn with_tunnel(model: &Model, from: MachineId, to: MachineId) -> bool {
    model.emitted.ingress.tunnel.is_some() && same(model, from, to)
}

const EVERY: FlowPayloads = FlowPayloads::every(PacketPayload::tcp(443));

pub(super) const FLOWS: &[Flow] = &[
    Flow {
        name: "node-internet",
        about: "a host reaches the Internet: packages, time, the others' endpoints",
        sender: FlowEnd::Host,
        target: FlowTarget::Internet(EVERY),
        expected: Expected::Delivered,
        between: same,
    },
    Flow {
        name: "pod-internet",
        about: "a pod reaches the Internet, and its cloud's resolver, under its node's address",
        sender: FlowEnd::Pod,
        target: FlowTarget::InternetAndResolver(EVERY),
        expected: Expected::Delivered,
        between: same,
    },
    Flow {
        name: "tunnel-edge",
        about: "cloudflared calls Cloudflare's edge from any node (QUIC)",
        sender: FlowEnd::Pod,
        target: FlowTarget::Internet(FlowPayloads::only(PacketPayload::udp(EDGE))),
        expected: Expected::Delivered,
        between: with_tunnel,
    },
    Flow {
        name: "tunnel-edge-tcp",
        about: "cloudflared calls it where UDP is lost (HTTP/2)",
        sender: FlowEnd::Pod,
        target: FlowTarget::Internet(FlowPayloads::only(PacketPayload::tcp(EDGE))),
        expected: Expected::Delivered,
        between: with_tunnel,
    },
    Flow {
        name: "pod-metadata",
        about: "a pod reaches no service of any cloud for its hosts, such as metadata, except for DNS and time",
        sender: FlowEnd::Pod,
        target: FlowTarget::HostServices(FlowPayloads::every_but_dns_and_time(PacketPayload::tcp(
            80,
        ))),
        expected: Expected::Blocked,
        between: same,
    },
];
