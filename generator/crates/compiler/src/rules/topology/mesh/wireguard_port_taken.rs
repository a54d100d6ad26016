//! WireGuard's port is free on every node.

use crate::check::{Findings, Rule, Scope, Theme};
use crate::diagnostic::{Finding, Fix, Severity};
use crate::topology::{Node, Topology};
use meshwright_value::{Port, Protocol};

pub(super) const RULE: Rule<Topology> = Rule {
    code: "wireguard-port-taken",
    severity: Severity::Error,
    theme: Theme::Mesh,
    summary: "something else listens on WireGuard's port",
    explain: "\
WireGuard binds its UDP port on all addresses. Where another process holds it, `wg-quick up` fails with \
`Address already in use` and the node is not part of the mesh; where WireGuard came first, the other one \
does not start. Every node has a DHCP client (68, 546 for IPv6), and Ubuntu a resolver on 127.0.0.53 \
(53). A port in a node's `open_ports` is said to be another process's.

Nothing that Kubernetes or Calico runs here holds a UDP port: VXLAN (4789) and Calico's own WireGuard are \
off.

Take another `wireguard.listen_port`; 51820 is the default.

Sources: `wg_socket_init` of WireGuard; RFC 2131 §4.1; RFC 8415 §7.2; systemd-resolved.service(8).",
    scope: Scope::Present,
    check,
};

/// UDP ports that the distributions' own services bind, and which ones.
const BOUND: [(u16, &str); 3] =
    [(53, "systemd-resolved"), (68, "the DHCP client"), (546, "the DHCPv6 client")];

fn check(topology: &Topology, findings: &mut Findings) {
    let listen_port = topology.wireguard.listen_port;
    let at = topology.wireguard.origin.key("listen_port");
    if let Some((port, owner)) = BOUND.iter().find(|(port, _)| *port == listen_port.get()) {
        let message = format!("UDP port {port} is taken by {owner}");
        let finding = Finding::new(message, &at, "WireGuard cannot listen here");
        findings.push(finding.fix(Fix::default(&at, "it is then 51820")));
    }
    for (node, index) in opened(topology, listen_port) {
        let message =
            format!("`{}` opens UDP port {listen_port}, where WireGuard listens", node.name);
        let place = node.origin.key("open_ports").index(index);
        let finding = Finding::new(message, &place, "said to be another process's")
            .and(&at, format!("`wireguard.listen_port` is {listen_port}"));
        findings.push(only(node, index, finding, "WireGuard's port is open in any case"));
    }
}

/// One port is to go; of a range, only a part of it.
fn only(node: &Node, index: usize, finding: Finding, why: &str) -> Finding {
    match node.open_ports[index] {
        port if port.first() == port.last() => {
            let at = node.origin.key("open_ports").index(index);
            finding.fix(Fix::remove(&at, "it", why))
        }
        _ => finding.help(format!("leave the port out of the range: {why}")),
    }
}

/// The entries of `open_ports` that hold WireGuard's port.
fn opened(topology: &Topology, port: Port) -> impl Iterator<Item = (&Node, usize)> {
    topology.nodes.iter().flat_map(move |node| {
        let ports = node.open_ports.iter().enumerate();
        let holding = ports.filter(move |(_, open)| {
            open.protocol() == Protocol::Udp && (open.first()..=open.last()).contains(&port)
        });
        holding.map(move |(index, _)| (node, index))
    })
}
