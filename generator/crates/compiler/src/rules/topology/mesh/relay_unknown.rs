//! A relay is a node.

use crate::check::{Findings, Rule, Scope, Theme};
use crate::diagnostic::Severity;
use crate::rules::topology::node_names::{nodes_by_name, unknown_node};
use crate::topology::Topology;

pub(super) const RULE: Rule<Topology> = Rule {
    code: "relay-unknown",
    severity: Severity::Error,
    theme: Theme::Mesh,
    summary: "`relay` names no node",
    explain: "\
A node's `relay` carries its traffic to other nodes behind NAT: both ends of such a pair hold the \
other's AllowedIPs under the relay's peer. If no node has that name there is no such peer, and nothing \
would carry the traffic.

Write the name of a node that has an `endpoint`.",
    scope: Scope::Tables(&["nodes"]),
    check,
};

fn check(topology: &Topology, findings: &mut Findings) {
    let nodes = nodes_by_name(topology);
    for node in &topology.nodes {
        let Some(relay) = node.relay.as_ref().filter(|relay| !nodes.contains_key(relay)) else {
            continue;
        };
        findings.push(unknown_node("relay", relay, &node.origin.key("relay"), topology));
    }
}
