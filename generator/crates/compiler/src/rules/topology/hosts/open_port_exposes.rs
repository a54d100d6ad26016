//! Refuses an entry of `open_ports` that opens the API server, etcd or kubelet to the Internet, and one of
//! `pod_ports` that opens etcd or BGP to pods.

use std::ops::RangeInclusive;

use crate::check::{Findings, Rule, Scope, Theme};
use crate::diagnostic::{Finding, Severity};
use crate::topology::{Node, Topology};
use meshwright_value::{OpenPort, Protocol, Role};

pub(super) const RULE: Rule<Topology> = Rule {
    code: "open-port-exposes",
    severity: Severity::Error,
    theme: Theme::Hosts,
    summary: "`open_ports` opens the API server, etcd or kubelet to the Internet, or `pod_ports` opens etcd or BGP to pods",
    explain: "\
A port in `open_ports` is open to every address. etcd (2379, 2380) stores the whole cluster with its \
secrets, and the API server (6443) and kubelet (10250) execute commands. For each of them, one \
certificate check separates an attacker from root on every node, and scanners find a vulnerable service \
within hours. No user needs these ports open: nodes and clients reach them through the mesh.

A port in `pod_ports` of `[firewall]` is open to every pod on every node. No pod needs etcd, or BGP (179), \
with which nodes tell each other the routes to pods.

Remove the port, or split the range around it. To reach the API from another place, add a client.

Source: Kubernetes, \"Ports and Protocols\".",
    scope: Scope::Present,
    check,
};

/// TCP ports with the program that listens on them.
pub(super) type Listener = (RangeInclusive<u16>, &'static str);

/// On control planes.
const CONTROL_PLANE: [Listener; 2] = [(2379..=2380, "etcd"), (6443..=6443, "the API server")];
/// On every node, or on control planes, and not for pods.
const CLOSED_TO_PODS: [Listener; 2] = [(179..=179, "BGP"), (2379..=2380, "etcd")];
/// On every node.
const KUBELET: Listener = (10250..=10250, "kubelet");

fn check(topology: &Topology, findings: &mut Findings) {
    for node in &topology.nodes {
        for (index, open) in node.open_ports.iter().enumerate() {
            let programs = exposed(node, open);
            if !programs.is_empty() {
                findings.push(finding(node, index, open, &programs));
            }
        }
    }
    for (index, open) in topology.firewall.pod_ports.iter().enumerate() {
        let closed = CLOSED_TO_PODS.iter().filter(|listener| opens(open, listener));
        let programs: Vec<_> = closed.map(|(_, name)| *name).collect();
        if !programs.is_empty() {
            findings.push(finding_of_pods(topology, index, open, &programs));
        }
    }
}

/// The programs that an entry of `open_ports` exposes on a node.
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

fn finding(node: &Node, index: usize, open: &OpenPort, programs: &[&str]) -> Finding {
    let names = programs.join(" and ");
    let message = format!("`{open}` opens {names} of `{}` to the Internet", node.name);
    let place = node.origin.key("open_ports").index(index);
    let finding = Finding::new(message, &place, "open to every address");
    finding.help("remove the entry: nodes and clients connect through the mesh")
}

fn finding_of_pods(
    topology: &Topology,
    index: usize,
    open: &OpenPort,
    programs: &[&str],
) -> Finding {
    let message = format!("`{open}` opens {} to every pod", programs.join(" and "));
    let place = topology.firewall.origin.key("pod_ports").index(index);
    Finding::new(message, &place, "open to pods").help("remove the entry, or split its range")
}
