//! Refuses `via` of a client when it names a node behind NAT.

use crate::check::{Findings, Rule, Scope, Theme};
use crate::diagnostic::Severity;
use crate::rules::topology::node_names::nodes_by_name;
use crate::rules::topology::public_nodes::{not_public, public_nodes};
use crate::topology::Topology;

pub(super) const RULE: Rule<Topology> = Rule {
    code: "client-via-behind-nat",
    severity: Severity::Error,
    theme: Theme::Mesh,
    summary: "`via` names a node behind NAT",
    explain: "\
A client connects to its `via`. This node forwards everything that the client cannot reach directly: \
Services, nodes behind NAT, and the pods of those nodes. A node behind NAT has no address that a client \
can connect to, and a client without an `endpoint` has no address that the node can connect to: there is never a handshake \
between them.

Name a node that has an `endpoint`, or leave `via` out.",
    scope: Scope::Tables(&["clients", "nodes"]),
    check,
};

fn check(topology: &Topology, findings: &mut Findings) {
    if public_nodes(topology).is_empty() {
        return; // `client-without-public-node` reports this once.
    }
    let nodes = nodes_by_name(topology);
    let callers = topology.clients.iter().filter(|client| client.endpoint.is_none());
    for client in callers {
        let via = client.via.as_ref().and_then(|via| nodes.get(via));
        if let Some(via) = via.filter(|via| via.endpoint.is_none()) {
            findings.push(not_public("via", via, &client.origin.key("via"), topology));
        }
    }
}
