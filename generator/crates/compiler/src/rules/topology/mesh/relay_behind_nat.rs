//! A relay can be called by everybody.

use crate::check::{Findings, Rule, Scope, Theme};
use crate::diagnostic::Severity;
use crate::rules::topology::node_names::nodes_by_name;
use crate::rules::topology::public_nodes::not_public;
use crate::topology::Topology;

pub(super) const RULE: Rule<Topology> = Rule {
    code: "relay-behind-nat",
    severity: Severity::Error,
    theme: Theme::Mesh,
    summary: "`relay` names a node that nobody can call",
    explain: "\
A relay forwards between nodes that cannot call each other, because both can call the relay. One that \
stands behind NAT itself can be called by neither: the pair is dead in both directions, and WireGuard \
counts no error.

Name a node that has an `endpoint`. The relay sees the traffic of the pair decrypted, so choose one that \
is as trusted as its ends.",
    scope: Scope::Tables(&["nodes"]),
    check,
};

fn check(topology: &Topology, findings: &mut Findings) {
    let nodes = nodes_by_name(topology);
    for node in &topology.nodes {
        let relay = node.relay.as_ref().and_then(|relay| nodes.get(relay));
        if let Some(relay) = relay.filter(|relay| relay.endpoint.is_none()) {
            findings.push(not_public("relay", relay, &node.origin.key("relay"), topology));
        }
    }
}
