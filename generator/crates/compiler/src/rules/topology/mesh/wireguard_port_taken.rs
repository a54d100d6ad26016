//! Refuses a UDP port of WireGuard that another process uses.

use crate::check::{Findings, Rule, Scope, Theme};
use crate::diagnostic::{Finding, Fix, Severity};
use crate::route::Route;
use crate::topology::{Node, Topology};
use meshwright_value::{Port, Protocol};

pub(super) const RULE: Rule<Topology> = Rule {
    code: "wireguard-port-taken",
    severity: Severity::Error,
    theme: Theme::Mesh,
    summary: "another process uses WireGuard's UDP port",
    explain: "\
WireGuard binds its UDP port on all addresses. If another process has the port, `wg-quick up` fails \
with `Address already in use`, and the node does not join the mesh. If WireGuard starts first, the \
other process fails. Every node has a DHCP client (port 68, for IPv6 port 546), and Ubuntu has a \
resolver on 127.0.0.53 (port 53). A port in `open_ports` of a node is assumed to be used by another \
process.

Kubernetes and Calico use no UDP port here: VXLAN (4789) and Calico's own WireGuard are off.

Choose another `listen_port`: that of `[wireguard]`, whose default is 51820, or of one node.

Sources: `wg_socket_init` of WireGuard; RFC 2131 §4.1; RFC 8415 §7.2; systemd-resolved.service(8).",
    scope: Scope::Present,
    check,
};

/// UDP ports that services of the distributions bind, with the service.
const BOUND: [(u16, &str); 3] =
    [(53, "systemd-resolved"), (68, "the DHCP client"), (546, "the DHCPv6 client")];

fn check(topology: &Topology, findings: &mut Findings) {
    let shared = (topology.wireguard.listen_port, topology.wireguard.origin.key("listen_port"));
    findings.extend(bound(&shared, "the default is 51820"));
    for node in &topology.nodes {
        let own = node.listen_port.map(|port| (port, node.origin.key("listen_port")));
        if let Some(own) = &own {
            findings.extend(bound(own, &format!("the cluster's is {}", shared.0)));
        }
        let listens = own.as_ref().unwrap_or(&shared);
        findings.extend(opened(node, listens.0).map(|index| opened_finding(node, index, listens)));
    }
}

/// A port and the key that names it.
type ListenPort = (Port, Route);

/// A port that a service of the distribution has; `then` says which port is used without the key.
fn bound((port, at): &ListenPort, then: &str) -> Option<Finding> {
    let (_, service) = BOUND.iter().find(|(bound, _)| *bound == port.get())?;
    let message = format!("UDP port {port} is used by {service}");
    let finding = Finding::new(message, at, "WireGuard cannot listen here");
    Some(finding.fix(Fix::default(at, then)))
}

fn opened_finding(node: &Node, index: usize, (port, at): &ListenPort) -> Finding {
    let message = format!("`{}` opens UDP port {port}, where WireGuard listens", node.name);
    let place = node.origin.key("open_ports").index(index);
    let finding = Finding::new(message, &place, "opened for another process")
        .and(at, format!("`listen_port` is {port}"));
    with_fix(node, index, finding, "WireGuard's port is always open")
}

/// A single port is removed by a fix. A range is left to the user, who may need the rest of it.
fn with_fix(node: &Node, index: usize, finding: Finding, why: &str) -> Finding {
    match node.open_ports[index] {
        port if port.first() == port.last() => {
            let at = node.origin.key("open_ports").index(index);
            finding.fix(Fix::remove(&at, "the port", why))
        }
        _ => finding.help(format!("leave the port out of the range: {why}")),
    }
}

/// The entries of `open_ports` that contain WireGuard's port, by index.
fn opened(node: &Node, port: Port) -> impl Iterator<Item = usize> {
    let ports = node.open_ports.iter().enumerate();
    let holding = ports.filter(move |(_, open)| {
        open.protocol() == Protocol::Udp && (open.first()..=open.last()).contains(&port)
    });
    holding.map(|(index, _)| index)
}
