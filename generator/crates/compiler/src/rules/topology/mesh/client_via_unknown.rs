//! Refuses `via` of a client when no node has this name.

use crate::check::{Findings, Rule, Scope, Theme};
use crate::diagnostic::Severity;
use crate::rules::topology::node_names::{nodes_by_name, unknown_node};
use crate::topology::Topology;

pub(super) const RULE: Rule<Topology> = Rule {
    code: "client-via-unknown",
    severity: Severity::Error,
    theme: Theme::Mesh,
    summary: "`via` names a node that does not exist",
    explain: "\
The `via` of a client forwards everything that the client cannot reach directly: Services, nodes behind \
NAT, and the pods of those nodes. If no node has this name, no peer's AllowedIPs have these addresses, \
and the client's own interface refuses the packets (`Required key not available`).

Write the name of a node that has an `endpoint`, or leave `via` out. The default is the node that \
initialises the cluster, or the first public node if that one is behind NAT.",
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
