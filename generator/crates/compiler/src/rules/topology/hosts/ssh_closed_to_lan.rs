//! Warns when SSH of a node behind NAT is closed to its own network.

use super::ssh_closed::ssh_lists;
use crate::check::{Findings, Rule, Scope, Theme};
use crate::derive::private::is_local_source;
use crate::diagnostic::wording::{NAMED, list};
use crate::diagnostic::{Finding, Severity};
use crate::route::Route;
use crate::topology::{Node, Topology};
use meshwright_value::SourceNet;

pub(super) const RULE: Rule<Topology> = Rule {
    code: "ssh-closed-to-lan",
    severity: Severity::Warning,
    theme: Theme::Hosts,
    summary: "SSH of a node behind NAT is closed to its own network",
    explain: "\
A node without an `endpoint` receives no connection from the Internet. Before the mesh works, only \
machines in its own network can log in, and they have private addresses there. If `ssh_from` has public \
addresses only, the firewall of the first boot refuses these machines: the secrets of the node cannot be \
delivered, and it can be reached only at its own keyboard.

Write `ssh_from` in the table of this node, with the network that it is in: `ssh_from = \
[\"192.168.1.0/24\"]`. It replaces the list of `[firewall]` for this node. If the router forwards a port \
to this node's SSH, or if its network has public addresses, accept the warning.

Sources: RFC 1918 §3; RFC 4193 §3; RFC 4291 §2.5.6.",
    scope: Scope::Tables(&["firewall", "nodes"]),
    check,
};

fn check(topology: &Topology, findings: &mut Findings) {
    for list in ssh_lists(topology) {
        let is_own_network =
            |source: &SourceNet| source.is_everything() || is_local_source(*source);
        // An empty list closes SSH on purpose: `ssh-closed` judges it.
        if list.sources.is_empty() || list.sources.iter().any(is_own_network) {
            continue;
        }
        let behind_nat: Vec<_> =
            list.nodes.iter().copied().filter(|node| node.endpoint.is_none()).collect();
        if !behind_nat.is_empty() {
            findings.push(finding(&list.place, &behind_nat));
        }
    }
}

fn finding(place: &Route, nodes: &[&Node]) -> Finding {
    let named: Vec<_> = nodes.iter().map(|node| &node.name).collect();
    let names = list(&named, "and");
    let message = format!("SSH is closed to the own network of {names}, behind NAT");
    let finding = Finding::new(message, place, "has public addresses only");
    let example = "`ssh_from = [\"192.168.1.0/24\"]`";
    nodes
        .iter()
        .take(NAMED)
        .fold(finding, |finding, node| finding.and(&node.origin.key("name"), "has no `endpoint`"))
        .help(format!("write {example} in the table of {names}"))
}
