//! Refuses a `relay` that names a node behind NAT.

use crate::check::{Findings, Rule, Scope, Theme};
use crate::diagnostic::Severity;
use crate::rules::topology::node_names::nodes_by_name;
use crate::rules::topology::public_nodes::not_public;
use crate::topology::Topology;

pub(super) const RULE: Rule<Topology> = Rule {
    code: "relay-behind-nat",
    severity: Severity::Error,
    theme: Theme::Mesh,
    summary: "`relay` names a node behind NAT",
    explain: "\
A relay forwards packets between two nodes that cannot connect to each other, because both can connect \
to the relay. If the relay is behind NAT, neither node can connect to it: no packet passes in either \
direction, and WireGuard reports no error.

Name a node that has an `endpoint`. The relay sees the traffic of the pair decrypted, so choose a node \
that you trust as much as these two.",
    scope: Scope::Tables(&["nodes"]),
    check,
};

fn check(topology: &Topology, findings: &mut Findings) {
    let nodes = nodes_by_name(topology);
    for node in &topology.nodes {
        for (at, relay) in node.relays() {
            if let Some(relay) = nodes.get(relay).filter(|relay| relay.endpoint.is_none()) {
                findings.push(not_public("relay", relay, &at, topology));
            }
        }
    }
}
