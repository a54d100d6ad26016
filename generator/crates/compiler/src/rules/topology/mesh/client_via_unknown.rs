//! What carries a client's traffic is a node.

use crate::check::{Findings, Rule, Scope, Theme};
use crate::diagnostic::Severity;
use crate::rules::topology::node_names::{nodes_by_name, unknown_node};
use crate::topology::Topology;

pub(super) const RULE: Rule<Topology> = Rule {
    code: "client-via-unknown",
    severity: Severity::Error,
    theme: Theme::Mesh,
    summary: "`via` names no node",
    explain: "\
A client's `via` carries what the client cannot reach itself: Services, and nodes behind NAT with their \
pods. If no node has that name, none of it would be in any peer's AllowedIPs, and the client's packets \
would be refused by its own interface (`Required key not available`).

Write the name of a node that has an `endpoint`, or leave `via` out: then it is the node that founds the \
cluster, or the first public node where that one stands behind NAT.",
    scope: Scope::Tables(&["clients", "nodes"]),
    check,
};

fn check(topology: &Topology, findings: &mut Findings) {
    let nodes = nodes_by_name(topology);
    for client in &topology.clients {
        let Some(via) = client.via.as_ref().filter(|via| !nodes.contains_key(via)) else {
            continue;
        };
        findings.push(unknown_node("via", via, &client.origin.key("via"), topology));
    }
}
