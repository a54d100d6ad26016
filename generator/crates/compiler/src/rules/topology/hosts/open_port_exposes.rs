//! What governs the cluster is not open to the Internet.

use std::ops::RangeInclusive;

use crate::check::{Findings, Rule, Scope, Theme};
use crate::diagnostic::{Finding, Severity};
use crate::topology::{Node, Topology};
use meshwright_value::{OpenPort, Protocol, Role};

pub(super) const RULE: Rule<Topology> = Rule {
    code: "open-port-exposes",
    severity: Severity::Error,
    theme: Theme::Hosts,
    summary: "`open_ports` opens the API server, etcd or kubelet to the Internet",
    explain: "\
`open_ports` lets everybody in. etcd (2379, 2380) holds the whole cluster with its secrets, the API \
server (6443) and kubelet (10250) run whatever they are told; each stands between a stranger and root on \
every node with one certificate check, and a hole in one of them is found by scanners within hours. \
Nothing needs them open: nodes reach them through the mesh, and so do clients.

Remove the port, or split the range around it. To reach the API from elsewhere, add a client.

Source: Kubernetes, \"Ports and Protocols\".",
    scope: Scope::Present,
    check,
};

/// TCP ports with who listens on them.
pub(super) type Listener = (RangeInclusive<u16>, &'static str);

/// On control planes.
const CONTROL_PLANE: [Listener; 2] = [(2379..=2380, "etcd"), (6443..=6443, "the API server")];
/// On every node.
const KUBELET: Listener = (10250..=10250, "kubelet");

fn check(topology: &Topology, findings: &mut Findings) {
    for node in &topology.nodes {
        for (index, open) in node.open_ports.iter().enumerate() {
            let exposed = exposed(node, open);
            if !exposed.is_empty() {
                findings.push(finding(node, index, open, &exposed));
            }
        }
    }
}

/// Who would be exposed by one entry of a node's `open_ports`.
pub(super) fn exposed(node: &Node, open: &OpenPort) -> Vec<&'static str> {
    let is_control_plane = node.role == Role::ControlPlane;
    let listeners = CONTROL_PLANE.iter().filter(|_| is_control_plane).chain([&KUBELET]);
    listeners.filter(|listener| opens(open, listener)).map(|(_, name)| *name).collect()
}

/// Whether an entry opens a port of `listener`.
pub(super) fn opens(open: &OpenPort, (ports, _): &Listener) -> bool {
    let is_disjoint = open.last().get() < *ports.start() || open.first().get() > *ports.end();
    open.protocol() == Protocol::Tcp && !is_disjoint
}

fn finding(node: &Node, index: usize, open: &OpenPort, exposed: &[&str]) -> Finding {
    let exposed = exposed.join(" and ");
    let message = format!("`{open}` opens {exposed} of `{}` to the Internet", node.name);
    let place = node.origin.key("open_ports").index(index);
    let finding = Finding::new(message, &place, "open to everybody");
    finding.help("remove it: nodes and clients reach it through the mesh")
}
