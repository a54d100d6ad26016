//! A relay has something to carry.

use crate::check::{Findings, Rule, Scope, Theme};
use crate::derive::location::Location;
use crate::diagnostic::{Finding, Fix, Severity};
use crate::rules::topology::node_names::nodes_by_name;
use crate::topology::{Node, Topology};

pub(super) const RULE: Rule<Topology> = Rule {
    code: "relay-unused",
    severity: Severity::Warning,
    theme: Theme::Mesh,
    summary: "`relay` is set on a node that needs none",
    explain: "\
A relay carries traffic between two nodes neither of which can call the other. A node with an `endpoint` \
can be called by all, and one that can call or be called by every other node has direct ways alone: its \
`relay` carries nothing. Either the line is left over, or the node was meant to be behind NAT, and its \
`endpoint` is wrong.

Remove `relay`. It can come back with the next node behind NAT: `pair-unreachable` tells when.",
    scope: Scope::Whole,
    check,
};

fn check(topology: &Topology, findings: &mut Findings) {
    let nodes = nodes_by_name(topology);
    for node in &topology.nodes {
        // One that is no node, or cannot be a relay, other rules report.
        let relay = node.relay.as_ref().and_then(|relay| nodes.get(relay));
        let is_relay = relay.is_some_and(|relay| relay.endpoint.is_some());
        if is_relay && reaches_all(node, topology) {
            findings.push(finding(node));
        }
    }
}

fn reaches_all(node: &Node, topology: &Topology) -> bool {
    let location = Location::of(node);
    let mut others = topology.nodes.iter().filter(|other| !std::ptr::eq(*other, node));
    others.all(|other| location.connects(&Location::of(other)))
}

fn finding(node: &Node) -> Finding {
    let message = format!("`{}` reaches every node without its relay", node.name);
    let finding = Finding::new(message, &node.origin.key("relay"), "carries nothing");
    let finding = match node.endpoint {
        Some(_) => finding.and(&node.origin.key("endpoint"), "where everybody can call it"),
        None => finding,
    };
    finding.fix(Fix::remove(&node.origin.key("relay"), "`relay`", ""))
}
