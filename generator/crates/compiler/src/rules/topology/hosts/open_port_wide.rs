//! `open_ports` opens what is meant, and no more.

use super::open_port_exposes::{Listener, exposed, opens};
use crate::check::{Findings, Rule, Scope, Theme};
use crate::diagnostic::{Finding, Severity};
use crate::topology::{Node, Topology};
use meshwright_value::{OpenPort, SourceNet};

pub(super) const RULE: Rule<Topology> = Rule {
    code: "open-port-wide",
    severity: Severity::Warning,
    theme: Theme::Hosts,
    summary: "an entry of `open_ports` opens more than it should",
    explain: "\
`open_ports` lets everybody in, past `firewall.ssh_from` too: with sshd's port in it, that list has no \
effect on this node. BGP (179) and Typha (5473) are Calico's between nodes, and 10256 is kube-proxy's \
health; none has a use outside of the mesh. A range of more than 1000 ports opens what nobody has in \
mind, such as every NodePort of every Service with 30000-32767.

Write the ports that this host serves, one by one. Who may use SSH belongs into `firewall.ssh_from`.

Sources: Kubernetes, \"Ports and Protocols\"; Calico, \"System requirements\".",
    scope: Scope::Present,
    check,
};

/// On every node, of no use to strangers.
const INTERNAL: [Listener; 3] =
    [(179..=179, "BGP"), (5473..=5473, "Typha"), (10256..=10256, "kube-proxy's health")];

/// The most ports of a range that is meant as written.
const WIDEST: u16 = 1000;

fn check(topology: &Topology, findings: &mut Findings) {
    for node in &topology.nodes {
        for (index, open) in node.open_ports.iter().enumerate() {
            // What is worse, `open-port-exposes` reports.
            let fault = fault(open, topology).filter(|_| exposed(node, open).is_empty());
            findings.extend(fault.map(|fault| finding(node, index, &fault)));
        }
    }
}

/// The message without the node, and the help.
type Fault = (String, &'static str);

fn fault(open: &OpenPort, topology: &Topology) -> Option<Fault> {
    let firewall = &topology.firewall;
    let ssh_port = firewall.ssh_port.get();
    // Without a limit there is none to go past: `ssh-open-to-world` speaks.
    let ssh_is_limited = !firewall.ssh_from.iter().any(SourceNet::is_everything);
    if ssh_is_limited && opens(open, &(ssh_port..=ssh_port, "SSH")) {
        let message = format!("`{open}` opens SSH to everybody, past `firewall.ssh_from`, on");
        return Some((message, "remove it: `firewall.ssh_from` says who may use SSH"));
    }
    if let Some((_, name)) = INTERNAL.iter().find(|listener| opens(open, listener)) {
        return Some((format!("`{open}` opens {name} to the Internet on"), "remove it"));
    }
    let count = u32::from(open.last().get()) - u32::from(open.first().get()) + 1;
    let message = format!("`{open}` opens {count} ports on");
    (count > WIDEST.into()).then_some((message, "write only the ports that this host serves"))
}

fn finding(node: &Node, index: usize, (message, help): &Fault) -> Finding {
    let place = node.origin.key("open_ports").index(index);
    Finding::new(format!("{message} `{}`", node.name), &place, "open to everybody").help(*help)
}
