//! Warns when some node cannot connect to a control plane, because it is behind NAT.

use crate::check::{Findings, Rule, Scope, Theme};
use crate::derive::location::Location;
use crate::diagnostic::{Finding, Severity};
use crate::topology::{Node, Topology};
use meshwright_value::Role;

pub(super) const RULE: Rule<Topology> = Rule {
    code: "control-plane-behind-nat",
    severity: Severity::Warning,
    theme: Theme::ControlPlane,
    summary: "a control plane is behind NAT",
    explain: "\
kubelets, etcd and `kubeadm join` all connect to the control planes. A node behind NAT can be reached \
only after it has sent a packet, and only while its router keeps the mapping. After a restart of either \
side, the other nodes wait for its next keepalive. If they use a relay, the API and etcd depend on this \
relay too. If the connection at home changes its address or fails, the API or an etcd member fails with \
it.

Give the node an `endpoint` with a port that its router forwards, or make a public node the control \
plane. For nodes of one LAN, a `site` and a `lan_endpoint` are enough.",
    scope: Scope::Whole,
    check,
};

fn check(topology: &Topology, findings: &mut Findings) {
    let control_planes = topology.nodes.iter().filter(|node| node.role == Role::ControlPlane);
    for node in control_planes.filter(|node| !is_reachable(node, topology)) {
        let message = format!("the control plane `{}` is behind NAT", node.name);
        let finding =
            Finding::new(message, &node.origin.key("name"), "some node cannot connect to it");
        let help =
            format!("give `{}` an `endpoint`, or make a public node the control plane", node.name);
        findings.push(finding.help(help));
    }
}

/// Whether every other node can connect to `node`.
fn is_reachable(node: &Node, topology: &Topology) -> bool {
    let location = Location::from_node(node);
    let mut others = topology.nodes.iter().filter(|other| !std::ptr::eq(*other, node));
    others.all(|other| Location::from_node(other).endpoint_of(&location).is_some())
}
