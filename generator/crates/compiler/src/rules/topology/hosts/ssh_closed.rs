//! Refuses a firewall without SSH when no client reaches the nodes.

use crate::check::{Findings, Rule, Scope, Theme};
use crate::diagnostic::{Finding, Severity};
use crate::topology::Topology;
use meshwright_value::{OpenPort, Protocol, Reach};

pub(super) const RULE: Rule<Topology> = Rule {
    code: "ssh-closed",
    severity: Severity::Error,
    theme: Theme::Hosts,
    summary: "SSH is closed to every address, and no client reaches the nodes",
    explain: "\
The firewall is active from the first boot. With `ssh_from = []`, it accepts no SSH from outside. \
Without a client that reaches the nodes, there is no SSH through the mesh either. But the secrets of a \
node are sent over SSH (`meshwright export NODE | ssh …`): the cluster could never be started. A node \
that loses its mesh later could be reached only through the provider's console.

Write the addresses that you log in from; one is enough. When a client works, `ssh_from = []` can close \
the public side permanently.",
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
    let message = "SSH is closed to every address, and no client reaches the nodes";
    let finding = Finding::new(message, &firewall.origin.key("ssh_from"), "no address may use SSH");
    findings.push(finding.help("write the addresses that you log in from: `[\"203.0.113.7\"]`"));
}
