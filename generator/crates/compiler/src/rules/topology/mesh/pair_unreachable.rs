//! Of two nodes one can call the other, or a relay carries their traffic.

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
    summary: "two nodes behind NAT have no way to each other",
    explain: "\
Of two nodes one has to call the other. Where both stand behind NAT neither can, and WireGuard waits in \
silence: no handshake, no error. Their pods do not reach each other, BGP between them never comes up, \
and DNS or a Service fails for as many requests as the other one's endpoints are asked.

Name a public node as `relay` on one of the two: both then send the other's addresses to the relay, which \
forwards them and sees them decrypted. Two nodes in one LAN need no relay: give both the same `site` and \
one of them a `lan_endpoint`.",
    scope: Scope::Tables(&["nodes"]),
    check,
};

fn check(topology: &Topology, findings: &mut Findings) {
    let stranded = stranded(topology);
    for (position, one) in stranded.iter().enumerate() {
        let unreachable = unreachable(one, &stranded[position..]);
        if !unreachable.is_empty() {
            findings.push(finding(one.0, &unreachable, topology));
        }
    }
}

/// A node with where others reach it.
type Located<'topology> = (&'topology Node, Location);

/// The nodes behind NAT without a relay, those first that a relay would help most: one relay is
/// then one diagnostic.
fn stranded(topology: &Topology) -> Vec<Located<'_>> {
    let nodes =
        topology.nodes.iter().filter(|node| node.endpoint.is_none() && node.relay.is_none());
    let mut stranded: Vec<_> = nodes.map(|node| (node, Location::of(node))).collect();
    let all = stranded.clone();
    stranded.sort_by_cached_key(|one| (Reverse(unreachable(one, &all).len()), one.0.id));
    stranded
}

/// Those of `others` that have no way to or from `one`.
fn unreachable<'a>(one: &Located<'_>, others: &[Located<'a>]) -> Vec<&'a Node> {
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
