//! Refuses clients when no node has an `endpoint`.

use crate::check::{Findings, Rule, Scope, Theme};
use crate::diagnostic::wording::{NAMED, list};
use crate::diagnostic::{Finding, Severity};
use crate::rules::topology::public_nodes::public_nodes;
use crate::topology::Topology;

pub(super) const RULE: Rule<Topology> = Rule {
    code: "client-without-public-node",
    severity: Severity::Error,
    theme: Theme::Mesh,
    summary: "there are clients without an `endpoint`, but no node has one",
    explain: "\
A client connects to the nodes that have an `endpoint`, and reaches the other nodes through one of \
them. If every node is behind NAT, the client can connect to no node, and no node can connect to the \
client: its configuration would have no peer. A client with an `endpoint` is called by the nodes.

Give one node an `endpoint`: its public address, or a DNS name and a port that its router forwards. \
Otherwise remove the client, and reach the cluster from inside its LAN.",
    scope: Scope::Tables(&["clients", "nodes"]),
    check,
};

fn check(topology: &Topology, findings: &mut Findings) {
    let callers: Vec<_> =
        topology.clients.iter().filter(|client| client.endpoint.is_none()).collect();
    let Some((first, others)) = callers.split_first() else { return };
    if !public_nodes(topology).is_empty() {
        return;
    }
    let names: Vec<_> = callers.iter().map(|client| &client.name).collect();
    let message = format!("there is no node that {} can connect to", list(&names, "or"));
    let mut finding = Finding::new(message, &first.origin.key("name"), "connects to public nodes");
    for other in others.iter().take(NAMED - 1) {
        finding = finding.and(&other.origin.key("name"), "connects to public nodes");
    }
    for node in topology.nodes.iter().take(NAMED) {
        finding = finding.and(&node.origin.key("name"), "has no `endpoint`");
    }
    findings.push(finding.help("give one node an `endpoint`"));
}
