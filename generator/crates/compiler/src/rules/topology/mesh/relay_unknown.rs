//! Refuses a `relay` that names no node of the topology.

use crate::check::{Findings, Rule, Scope, Theme};
use crate::diagnostic::Severity;
use crate::rules::topology::node_names::{nodes_by_name, unknown_node};
use crate::topology::Topology;

pub(super) const RULE: Rule<Topology> = Rule {
    code: "relay-unknown",
    severity: Severity::Error,
    theme: Theme::Mesh,
    summary: "`relay` names a node that does not exist",
    explain: "\
The `relay` of a node forwards its packets to other nodes behind NAT: at both ends of such a pair, the \
AllowedIPs of the relay's peer have the other end's addresses. If no node has this name, there is no \
such peer, and no packet reaches the other end.

Write the name of a node that has an `endpoint`.",
    scope: Scope::Tables(&["nodes"]),
    check,
};

fn check(topology: &Topology, findings: &mut Findings) {
    let nodes = nodes_by_name(topology);
    for node in &topology.nodes {
        for (at, relay) in node.relays() {
            if !nodes.contains_key(relay) {
                findings.push(unknown_node("relay", relay, &at, topology));
            }
        }
    }
}
