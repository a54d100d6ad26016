//! Every node can call every control plane.

use crate::check::{Findings, Rule, Scope, Theme};
use crate::derive::location::Location;
use crate::diagnostic::{Finding, Severity};
use crate::topology::{Node, Topology};
use meshwright_value::Role;

pub(super) const RULE: Rule<Topology> = Rule {
    code: "control-plane-behind-nat",
    severity: Severity::Warning,
    theme: Theme::ControlPlane,
    summary: "a control plane stands behind NAT",
    explain: "\
kubelets, etcd and `kubeadm join` all call the control planes. One behind NAT can be called only as long \
as it has called first and its router remembers: after a restart of either side the others wait for its \
next keepalive, and where a relay stands between, the API and etcd depend on the relay too. A home line \
that changes its address or goes down takes the API with it, or an etcd member.

Give the node an `endpoint`, by a port that its router forwards; or let a public node be the control \
plane. For nodes of one LAN a `site` and a `lan_endpoint` are enough.",
    scope: Scope::Whole,
    check,
};

fn check(topology: &Topology, findings: &mut Findings) {
    let control_planes = topology.nodes.iter().filter(|node| node.role == Role::ControlPlane);
    for node in control_planes.filter(|node| !is_callable(node, topology)) {
        let message = format!("the control plane `{}` stands behind NAT", node.name);
        let finding = Finding::new(message, &node.origin.key("name"), "nobody can call this node");
        let help = format!("give `{}` an `endpoint`, or the role to a public node", node.name);
        findings.push(finding.help(help));
    }
}

/// Whether every other node can call `node`.
fn is_callable(node: &Node, topology: &Topology) -> bool {
    let location = Location::of(node);
    let mut others = topology.nodes.iter().filter(|other| !std::ptr::eq(*other, node));
    others.all(|other| Location::of(other).endpoint_of(&location).is_some())
}
