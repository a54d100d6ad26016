//! Refuses a firewall without SSH when no client reaches the nodes.

use crate::check::{Findings, Rule, Scope, Theme};
use crate::derive::private::is_local_source;
use crate::derive::reach::reach;
use crate::derive::ssh::ssh_from;
use crate::diagnostic::wording::list;
use crate::diagnostic::{Finding, Severity};
use crate::route::Route;
use crate::topology::{Node, Topology};
use meshwright_value::{OpenPort, Port, Protocol, Reach, SourceNet};

pub(super) const RULE: Rule<Topology> = Rule {
    code: "ssh-closed",
    severity: Severity::Error,
    theme: Theme::Hosts,
    summary: "SSH of a node is closed to the whole Internet, and no client reaches the nodes",
    explain: "\
The firewall is active from the first boot. It accepts SSH on the public side from the addresses of \
`ssh_from` only. An empty list admits no address. Private, shared, loopback and link-local addresses \
admit no address either: no packet from the Internet has such a source. Without a client that reaches \
the nodes, there is no SSH through the mesh. But the secrets of a node are sent over SSH (`meshwright \
export NODE | ssh …`): the cluster could never be started. A node that loses its mesh later could be \
reached only through the provider's console.

Write the public addresses that you log in from; one is enough. When a client works, `ssh_from = []` can \
close the public side permanently. A node without an `endpoint` is judged by `ssh-closed-to-lan`, unless \
the list is empty.

Sources: RFC 1918 §3, RFC 6598 §7, RFC 3927 §2, RFC 4193 §3, RFC 4291 §2.",
    scope: Scope::Tables(&["clients", "firewall", "nodes"]),
    check,
};

fn check(topology: &Topology, findings: &mut Findings) {
    let by_client = topology.clients.iter().any(|client| reach(client).contains(&Reach::Nodes));
    if by_client {
        return;
    }
    for list in ssh_lists(topology) {
        let is_closed = |node: &&&Node| is_closed(node, list.sources, topology.firewall.ssh_port);
        if let Some(first) = list.nodes.iter().find(is_closed) {
            findings.push(finding(&list.place, list.sources, first));
        }
    }
}

fn is_closed(node: &Node, sources: &[SourceNet], ssh_port: Port) -> bool {
    let is_ssh = |open: &OpenPort| {
        let ports = open.first()..=open.last();
        open.protocol() == Protocol::Tcp && ports.contains(&ssh_port)
    };
    if node.open_ports.iter().any(is_ssh) {
        return false;
    }
    match node.endpoint {
        Some(_) => sources.iter().all(|source| is_local_source(*source)),
        None => sources.is_empty(),
    }
}

fn finding(place: &Route, sources: &[SourceNet], node: &Node) -> Finding {
    let help = "write the addresses that you log in from: `[\"203.0.113.7\"]`";
    if sources.is_empty() {
        let message = "SSH is closed to every address, and no client reaches the nodes";
        return Finding::new(message, place, "no address may use SSH").help(help);
    }
    let message = format!(
        "SSH of `{}` is closed to the Internet, and no client reaches the nodes",
        node.name
    );
    let label = format!("no packet from the Internet has a source in {}", list(sources, "or"));
    Finding::new(message, place, label).and(&node.origin.key("name"), "a public node").help(help)
}

/// One list that at least one node has.
pub(super) struct SshList<'topology> {
    /// Its key.
    pub place: Route,
    /// Its sources.
    pub sources: &'topology [SourceNet],
    /// The nodes that it is for, in the order of the topology.
    pub nodes: Vec<&'topology Node>,
}

/// The list of `[firewall]`, then those of single nodes.
pub(super) fn ssh_lists(topology: &Topology) -> Vec<SshList<'_>> {
    let firewall = &topology.firewall;
    let (own, shared): (Vec<_>, Vec<_>) =
        topology.nodes.iter().partition(|node| node.ssh_from.is_some());
    let shared = (!shared.is_empty()).then(|| SshList {
        place: firewall.origin.key("ssh_from"),
        sources: &firewall.ssh_from,
        nodes: shared,
    });
    let own = own.into_iter().map(|node| SshList {
        place: node.origin.key("ssh_from"),
        sources: ssh_from(topology, node),
        nodes: vec![node],
    });
    shared.into_iter().chain(own).collect()
}
