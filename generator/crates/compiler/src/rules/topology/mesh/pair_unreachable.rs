//! Refuses two nodes behind NAT that have no path to each other.

use std::cmp::Reverse;

use crate::check::{Findings, Rule, Scope, Theme};
use crate::derive::location::Location;
use crate::diagnostic::wording::{NAMED, list};
use crate::diagnostic::{Finding, Severity};
use crate::rules::topology::public_nodes::public_nodes;
use crate::topology::{Node, Topology};

pub(super) const RULE: Rule<Topology> = Rule {
    code: "pair-unreachable",
    severity: Severity::Error,
    theme: Theme::Mesh,
    summary: "two nodes behind NAT have no path to each other",
    explain: "\
One of two nodes has to connect to the other. If both are behind NAT, neither can: there is no \
handshake, and WireGuard reports no error. Their pods do not reach each other, and the BGP session \
between them never comes up. Requests to DNS or another Service fail whenever they go to a pod of the \
other node.

Set `relay` on one of the two to the name of a public node, or of several, the next of which takes over. Both nodes then send each other's packets \
to the relay, which forwards them and sees them decrypted. Two nodes in one LAN need no relay: give \
both the same `site`, and one of them a `lan_endpoint`.",
    scope: Scope::Tables(&["nodes"]),
    check,
};

fn check(topology: &Topology, findings: &mut Findings) {
    let candidates = nodes_without_relay(topology);
    for (position, one) in candidates.iter().enumerate() {
        let others = unreachable(one, &candidates[position..]);
        if !others.is_empty() {
            findings.push(finding(one.0, &others, topology));
        }
    }
}

/// A node with its location.
type LocatedNode<'topology> = (&'topology Node, Location);

/// The nodes behind NAT without a relay. The node for which a relay would connect most pairs is
/// first, so that one relay that is missing gives one diagnostic.
fn nodes_without_relay(topology: &Topology) -> Vec<LocatedNode<'_>> {
    let nodes =
        topology.nodes.iter().filter(|node| node.endpoint.is_none() && node.relay.is_none());
    let mut located: Vec<_> = nodes.map(|node| (node, Location::from_node(node))).collect();
    let all = located.clone();
    located.sort_by_cached_key(|one| (Reverse(unreachable(one, &all).len()), one.0.id));
    located
}

/// The nodes of `others` that cannot connect to `one`, and that `one` cannot connect to.
fn unreachable<'a>(one: &LocatedNode<'_>, others: &[LocatedNode<'a>]) -> Vec<&'a Node> {
    let dead =
        others.iter().filter(|other| !std::ptr::eq(one.0, other.0) && !one.1.connects(&other.1));
    dead.map(|(node, _)| *node).collect()
}

fn finding(node: &Node, dead: &[&Node], topology: &Topology) -> Finding {
    let names: Vec<_> = dead.iter().map(|other| &other.name).collect();
    let message = format!("`{}` cannot reach {}", node.name, list(&names, "or"));
    let label = "behind NAT, without a relay";
    let mut finding = Finding::new(message, &node.origin.key("name"), label);
    for other in dead.iter().take(NAMED) {
        finding = finding.and(&other.origin.key("name"), label);
    }
    finding.help(match public_nodes(topology).first() {
        Some(public) => format!("set `relay = \"{public}\"` on `{}`", node.name),
        None => format!("give `{}` an `endpoint`: no node has one", node.name),
    })
}
