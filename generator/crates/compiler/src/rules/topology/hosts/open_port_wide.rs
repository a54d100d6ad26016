//! Warns when an entry of `open_ports` opens SSH, an internal port or a very wide range.

use super::open_port_exposes::{Listener, exposed, opens};
use crate::check::{Findings, Rule, Scope, Theme};
use crate::diagnostic::{Finding, Severity};
use crate::topology::{Node, Topology};
use meshwright_value::{OpenPort, SourceNet};

pub(super) const RULE: Rule<Topology> = Rule {
    code: "open-port-wide",
    severity: Severity::Warning,
    theme: Theme::Hosts,
    summary: "an entry of `open_ports` opens SSH, an internal port or a very wide range",
    explain: "\
A port in `open_ports` is open to every address, and `firewall.ssh_from` does not limit it: if sshd's \
port is in the list, `ssh_from` has no effect on this node. Calico uses BGP (179) and Typha (5473) \
between nodes, and 10256 is the health check of kube-proxy; outside the mesh, no program needs them. A \
range of more than 1000 ports opens more than intended: 30000-32767, for example, opens every NodePort \
of every Service.

Write each port that this host serves. The addresses that may use SSH belong in `firewall.ssh_from`.

Sources: Kubernetes, \"Ports and Protocols\"; Calico, \"System requirements\".",
    scope: Scope::Present,
    check,
};

/// On every node, used only inside the mesh.
const INTERNAL: [Listener; 3] =
    [(179..=179, "BGP"), (5473..=5473, "Typha"), (10256..=10256, "the health check of kube-proxy")];

/// The largest number of ports in a range that is not reported.
const WIDEST: u16 = 1000;

fn check(topology: &Topology, findings: &mut Findings) {
    for node in &topology.nodes {
        for (index, open) in node.open_ports.iter().enumerate() {
            // `open-port-exposes` reports the worse cases.
            if exposed(node, open).is_empty() {
                let wide = wide_port(open, topology);
                findings.extend(wide.map(|wide| finding(node, index, &wide)));
            }
        }
    }
}

/// The message without the node's name, and the help.
type WidePort = (String, &'static str);

fn wide_port(open: &OpenPort, topology: &Topology) -> Option<WidePort> {
    let firewall = &topology.firewall;
    let ssh_port = firewall.ssh_port.get();
    // If SSH is open to every address, `ssh-open-to-world` reports that.
    let ssh_is_limited = !firewall.ssh_from.iter().any(SourceNet::is_everything);
    if ssh_is_limited && opens(open, &(ssh_port..=ssh_port, "SSH")) {
        let message =
            format!("`{open}` opens SSH to every address, despite `firewall.ssh_from`, on");
        return Some((
            message,
            "remove the entry: `firewall.ssh_from` lists the addresses that may use SSH",
        ));
    }
    if let Some((_, name)) = INTERNAL.iter().find(|listener| opens(open, listener)) {
        return Some((format!("`{open}` opens {name} to the Internet on"), "remove the entry"));
    }
    let count = u32::from(open.last().get()) - u32::from(open.first().get()) + 1;
    let message = format!("`{open}` opens {count} ports on");
    (count > WIDEST.into()).then_some((message, "write only the ports that this host serves"))
}

fn finding(node: &Node, index: usize, (message, help): &WidePort) -> Finding {
    let place = node.origin.key("open_ports").index(index);
    Finding::new(format!("{message} `{}`", node.name), &place, "open to every address").help(*help)
}
