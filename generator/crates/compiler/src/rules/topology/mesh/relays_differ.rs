//! Warns when two nodes that need a relay name different ones.

use crate::check::{Findings, Rule, Scope, Theme};
use crate::derive::location::Location;
use crate::diagnostic::wording::{NAMED, list};
use crate::diagnostic::{Finding, Severity};
use crate::rules::topology::node_names::nodes_by_name;
use crate::topology::{Node, Topology};
use meshwright_value::Name;

pub(super) const RULE: Rule<Topology> = Rule {
    code: "relays-differ",
    severity: Severity::Warning,
    theme: Theme::Mesh,
    summary: "two nodes that need a relay name different relays",
    explain: "\
Both nodes of a pair send to each other through the same relay. Otherwise the reply would come from a \
peer without the matching AllowedIPs, and WireGuard would drop it. If the two nodes name different \
relays, the relay of the node with the lower id is used in both directions. The other node's `relay` is \
not used for this pair: this node depends on a relay that it does not name, and its packets take that \
path.

Name the same relay on both nodes. If each relay is the better path to most other nodes, accept the \
warning.

Source: wg(8), AllowedIPs: a packet is accepted only from the peer that it would be sent to.",
    scope: Scope::Whole,
    check,
};

/// A node with the public relay that it names.
struct Relayed<'topology> {
    node: &'topology Node,
    relay: &'topology Name,
    location: Location,
}

fn check(topology: &Topology, findings: &mut Findings) {
    let mut relayed = relayed_nodes(topology);
    relayed.sort_by_key(|one| one.node.id);
    for (position, later) in relayed.iter().enumerate() {
        let differs = |first: &&Relayed<'_>| {
            first.relay != later.relay && !first.location.connects(&later.location)
        };
        let others: Vec<_> = relayed[..position].iter().filter(differs).collect();
        if !others.is_empty() {
            findings.push(finding(later, &others));
        }
    }
}

/// The nodes whose `relay` is a public node; other rules report the rest.
fn relayed_nodes(topology: &Topology) -> Vec<Relayed<'_>> {
    let nodes = nodes_by_name(topology);
    let relayed = topology.nodes.iter().filter_map(|node| {
        let relay = node.relay.as_ref()?;
        let is_public = nodes.get(relay).is_some_and(|relay| relay.endpoint.is_some());
        is_public.then(|| Relayed { node, relay, location: Location::from_node(node) })
    });
    relayed.collect()
}

/// Reports the node whose relay is not used.
fn finding(later: &Relayed<'_>, others: &[&Relayed<'_>]) -> Finding {
    let names: Vec<_> = others.iter().map(|first| &first.node.name).collect();
    let message = format!(
        "`{}` and {} name different relays: that of the lower id is used",
        later.node.name,
        list(&names, "and")
    );
    let label = format!("`{}` is not used for these pairs", later.relay);
    let mut finding = Finding::new(message, &later.node.origin.key("relay"), label);
    for first in others.iter().take(NAMED) {
        let label = format!("connects `{}` and `{}`", first.node.name, later.node.name);
        finding = finding.and(&first.node.origin.key("relay"), label);
    }
    finding.help("name the same relay on all of them")
}
