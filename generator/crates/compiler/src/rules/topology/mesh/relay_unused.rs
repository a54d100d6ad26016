//! Warns when a node has a `relay` that it does not need.

use crate::check::{Findings, Rule, Scope, Theme};
use crate::derive::location::Location;
use crate::diagnostic::{Finding, Fix, Severity};
use crate::rules::topology::node_names::nodes_by_name;
use crate::topology::{Node, Topology};

pub(super) const RULE: Rule<Topology> = Rule {
    code: "relay-unused",
    severity: Severity::Warning,
    theme: Theme::Mesh,
    summary: "`relay` is set on a node that does not need one",
    explain: "\
A relay forwards packets between two nodes that cannot connect to each other. A node with an `endpoint` \
can be reached by every node. A node that can connect to, or be reached by, every other node has direct \
connections only. On such a node, `relay` has no effect. Either the line is left over, or the node is \
behind NAT and its `endpoint` is wrong.

Remove `relay`. If a later node behind NAT needs it again, `pair-unreachable` reports it.",
    scope: Scope::Whole,
    check,
};

fn check(topology: &Topology, findings: &mut Findings) {
    let nodes = nodes_by_name(topology);
    for node in &topology.nodes {
        // `relay-unknown` and `relay-behind-nat` report names that cannot be a relay.
        let mut named = node.relays().filter_map(|(_, relay)| nodes.get(relay));
        let is_relay = named.any(|relay| relay.endpoint.is_some());
        if is_relay && reaches_all(node, topology) {
            findings.push(finding(node));
        }
    }
}

fn reaches_all(node: &Node, topology: &Topology) -> bool {
    let location = Location::from_node(node);
    let mut others = topology.nodes.iter().filter(|other| !std::ptr::eq(*other, node));
    others.all(|other| location.connects(&Location::from_node(other)))
}

fn finding(node: &Node) -> Finding {
    let message = format!("`{}` reaches every node without its relay", node.name);
    let mut finding = Finding::new(message, &node.origin.key("relay"), "has no effect");
    if node.endpoint.is_some() {
        finding = finding.and(&node.origin.key("endpoint"), "every node can connect to it here");
    }
    finding.fix(Fix::remove(&node.origin.key("relay"), "`relay`", ""))
}
