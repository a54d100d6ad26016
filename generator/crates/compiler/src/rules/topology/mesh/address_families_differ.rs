//! Warns when two public nodes have endpoints of different address families.

use crate::check::{Findings, Rule, Scope, Theme};
use crate::derive::location::Location;
use crate::diagnostic::{Finding, Severity};
use crate::topology::{Node, Topology};
use meshwright_value::Host;

pub(super) const RULE: Rule<Topology> = Rule {
    code: "address-families-differ",
    severity: Severity::Warning,
    theme: Theme::Mesh,
    summary: "two public nodes have endpoints of different address families",
    explain: "\
One endpoint is an IPv4 address and the other an IPv6 address. Each of the two nodes calls the other at \
its endpoint. If the first node has no IPv6, and the second has no IPv4, neither call leaves the machine: \
this pair has no handshake, and no program reports an error. A node with both families reaches every peer.

Write addresses of one family, if both nodes have it. If at least one of the two nodes has both families, \
accept the warning.

Source: wg(8), \"endpoint\": one address, of one family.",
    scope: Scope::Present,
    check,
};

fn check(topology: &Topology, findings: &mut Findings) {
    let written = |family: Family| {
        let nodes = topology.nodes.iter();
        nodes.filter(move |node| family_of(node) == Some(family)).collect::<Vec<_>>()
    };
    let (v4, v6) = (written(Family::V4), written(Family::V6));
    // Each node of the smaller group is reported once, with its first peer of the other family.
    let (few, many) = if v6.len() <= v4.len() { (&v6, &v4) } else { (&v4, &v6) };
    for node in few {
        let location = Location::from_node(node);
        let needs_family = |other: &&&Node| !location.meets_in_lan(&Location::from_node(other));
        if let Some(other) = many.iter().find(needs_family) {
            findings.push(finding(node, other));
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Family {
    V4,
    V6,
}

/// The family of the endpoint; `None` for a name, which can have addresses of both, and for a
/// unique local address, which `endpoint-private` judges.
fn family_of(node: &Node) -> Option<Family> {
    match node.endpoint.as_ref()?.host() {
        Host::V4(_) => Some(Family::V4),
        Host::V6(address) => (!address.is_unique_local()).then_some(Family::V6),
        Host::Name(_) => None,
    }
}

fn finding(node: &Node, other: &Node) -> Finding {
    let message = format!(
        "the endpoints of `{}` and `{}` have different address families",
        node.name, other.name
    );
    let label = "reached only by nodes that have this family too";
    Finding::new(message, &node.origin.key("endpoint"), label)
        .and(&other.origin.key("endpoint"), "an address of the other family")
        .help("write addresses of one family, or accept the warning if one node has both families")
}
