//! Warns when peers call a node at another port than the one on which it listens.

use crate::check::{Findings, Rule, Scope, Theme};
use crate::derive::listen_port::listen_port;
use crate::diagnostic::{Finding, Severity};
use crate::topology::{Node, Topology, WrittenEndpoint};
use meshwright_value::Port;

pub(super) const RULE: Rule<Topology> = Rule {
    code: "endpoint-port-differs",
    severity: Severity::Warning,
    theme: Theme::Mesh,
    summary: "an endpoint has another port than the one on which its node listens",
    explain: "\
The port of an endpoint is the one that peers call. The port on which WireGuard listens, and which the \
node's firewall accepts, is `listen_port`. If the two differ, a router in front of the node must translate \
one to the other. Without that translation the firewall of the node drops the packets: no handshake \
completes, and neither side reports an error.

Set `listen_port` of the node to the port of its endpoint: a router then forwards the port unchanged, and a \
machine with a public address needs no router. If the router translates the port, accept the warning.

Source: wg(8), \"endpoint\" and \"listen-port\".",
    scope: Scope::Present,
    check,
};

fn check(topology: &Topology, findings: &mut Findings) {
    for node in &topology.nodes {
        let listens = listen_port(topology, node);
        for written in node.endpoints() {
            if let Some(called) = written.endpoint.port().filter(|called| *called != listens) {
                findings.push(finding(topology, node, &written, (called, listens)));
            }
        }
    }
}

fn finding(
    topology: &Topology,
    node: &Node,
    WrittenEndpoint { place, endpoint, .. }: &WrittenEndpoint<'_>,
    (called, listens): (Port, Port),
) -> Finding {
    let message =
        format!("peers call `{}` at port {called}, and it listens on {listens}", node.name);
    let label = format!("works only if a router translates UDP {called} to {listens}");
    let finding = Finding::new(message, place, label);
    let finding = match node.listen_port {
        Some(_) => finding.and(&node.origin.key("listen_port"), "listens here"),
        None => finding.and(&topology.wireguard.origin.key("listen_port"), "listens here"),
    };
    finding.help(format!(
        "set `listen_port = {called}` for `{}`, or have its router translate UDP {called} of {} to {listens} of \
         the node",
        node.name,
        endpoint.host()
    ))
}
