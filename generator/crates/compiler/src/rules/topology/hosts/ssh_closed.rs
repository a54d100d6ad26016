//! Somebody can get in.

use crate::check::{Findings, Rule, Scope, Theme};
use crate::diagnostic::{Finding, Severity};
use crate::topology::Topology;
use meshwright_value::{OpenPort, Protocol, Reach};

pub(super) const RULE: Rule<Topology> = Rule {
    code: "ssh-closed",
    severity: Severity::Error,
    theme: Theme::Hosts,
    summary: "SSH is closed to everybody, and no client reaches the nodes",
    explain: "\
The firewall stands from the first boot on. With `ssh_from = []` it lets nobody in from outside, and \
without a client that reaches nodes nobody comes through the mesh either. The secrets of a node come to \
it by SSH (`meshwright export NODE | ssh …`): the cluster could never be started, and a node that loses \
its mesh later is reached by the provider's console alone.

Write the addresses that you log in from, if only one. Once a client works, `ssh_from = []` closes the \
public side for good.",
    scope: Scope::Tables(&["clients", "firewall", "nodes"]),
    check,
};

fn check(topology: &Topology, findings: &mut Findings) {
    let firewall = &topology.firewall;
    if !firewall.ssh_from.is_empty() {
        return;
    }
    let by_client = topology.clients.iter().any(|client| client.reach.contains(&Reach::Nodes));
    let is_ssh = |open: &OpenPort| {
        let ports = open.first()..=open.last();
        open.protocol() == Protocol::Tcp && ports.contains(&firewall.ssh_port)
    };
    let by_port = topology.nodes.iter().all(|node| node.open_ports.iter().any(is_ssh));
    if by_client || by_port {
        return;
    }
    let message = "nobody can log in: SSH is closed to everybody, and no client reaches the nodes";
    let finding = Finding::new(message, &firewall.origin.key("ssh_from"), "lets nobody in");
    findings.push(finding.help("write the addresses that you log in from: `[\"203.0.113.7\"]`"));
}
