//! Refuses keepalives of 0 when a node or client is behind NAT.

use crate::check::{Findings, Rule, Scope, Theme};
use crate::diagnostic::{Finding, Fix, Severity};
use crate::topology::Topology;

pub(super) const RULE: Rule<Topology> = Rule {
    code: "keepalive-zero-behind-nat",
    severity: Severity::Error,
    theme: Theme::Mesh,
    summary: "keepalives are off, and a node or client is behind NAT",
    explain: "\
A router removes the UDP mapping of a silent connection, many routers after 30 seconds. Then no peer \
can reach the node behind the router until the node itself sends a packet. Its pods answer at some \
times and not at others, and the API server loses its kubelet. A client without an endpoint counts as \
behind NAT: a session that is silent for a while, such as `kubectl logs --follow`, ends.

Leave `wireguard.persistent_keepalive` out. The default is 25 seconds, which wg(8) calls sensible for a \
wide variety of firewalls. With it, a node that was restarted is also reachable again within a fraction \
of a second.

Sources: wg(8), \"persistent keepalive\"; RFC 4787 §4.3.",
    scope: Scope::Tables(&["nodes", "clients", "wireguard"]),
    check,
};

fn check(topology: &Topology, findings: &mut Findings) {
    let nodes = topology.nodes.iter().filter(|node| node.endpoint.is_none());
    let node = nodes.min_by_key(|node| node.id).map(|node| (&node.name, &node.origin));
    let callers = topology.clients.iter().filter(|client| client.endpoint.is_none());
    let client = callers.min_by_key(|client| client.id);
    let client = client.map(|client| (&client.name, &client.origin));
    let Some((name, origin)) = node.or(client) else { return };
    if topology.wireguard.persistent_keepalive.get() != 0 {
        return;
    }
    let message = format!("keepalives are off, and `{}` is behind NAT", name);
    let at = topology.wireguard.origin.key("persistent_keepalive");
    let finding = Finding::new(message, &at, "0 is off")
        .and(&origin.key("name"), "has no `endpoint`: its router drops the mapping");
    findings.push(finding.fix(Fix::default(&at, "the default is 25")));
}
