//! Warns when two nodes that need a relay name different ones.

use crate::check::{Findings, Rule, Scope, Theme};
use crate::derive::location::Location;
use crate::diagnostic::wording::{NAMED, list};
use crate::diagnostic::{Finding, Severity};
use crate::rules::topology::node_names::nodes_by_name;
use crate::topology::{Node, Topology};
use meshwright_value::{Name, Relays};

pub(super) const RULE: Rule<Topology> = Rule {
    code: "relays-differ",
    severity: Severity::Warning,
    theme: Theme::Mesh,
    summary: "two nodes that need a relay name different relays",
    explain: "\
Both nodes of a pair send to each other through the same relay. Otherwise the reply would come from a \
peer without the matching AllowedIPs, and WireGuard would drop it. If the two nodes name different \
relays, or the same ones in another order, those of the node with the lower id are used in both directions. \
The other node's `relay` is not used for this pair: this node depends on relays that it does not name, and \
its packets take that path.

Name the same relays on both nodes, in the same order. If each relay is the better path to most other nodes, accept the \
warning.

Source: wg(8), AllowedIPs: a packet is accepted only from the peer that it would be sent to.",
    scope: Scope::Whole,
    check,
};

/// A node with the public relays that it names.
struct Relayed<'topology> {
    node: &'topology Node,
    relays: Vec<&'topology Name>,
    location: Location,
}

fn check(topology: &Topology, findings: &mut Findings) {
    let mut relayed = relayed_nodes(topology);
    relayed.sort_by_key(|one| one.node.id);
    for (position, later) in relayed.iter().enumerate() {
        let differs = |first: &&Relayed<'_>| {
            first.relays != later.relays && !first.location.connects(&later.location)
        };
        let others: Vec<_> = relayed[..position].iter().filter(differs).collect();
        if !others.is_empty() {
            findings.push(finding(later, &others));
        }
    }
}

/// The nodes whose `relay` has a public node; other rules report the rest.
fn relayed_nodes(topology: &Topology) -> Vec<Relayed<'_>> {
    let nodes = nodes_by_name(topology);
    let relayed = topology.nodes.iter().filter_map(|node| {
        let is_public =
            |relay: &&Name| nodes.get(relay).is_some_and(|relay| relay.endpoint.is_some());
        let relays: Vec<_> = node.relay.iter().flat_map(Relays::iter).filter(is_public).collect();
        let location = Location::from_node(node);
        (!relays.is_empty()).then_some(Relayed { node, relays, location })
    });
    relayed.collect()
}

/// Reports the node whose relays are not used.
fn finding(later: &Relayed<'_>, others: &[&Relayed<'_>]) -> Finding {
    let names: Vec<_> = others.iter().map(|first| &first.node.name).collect();
    let message = format!(
        "`{}` and {} name different relays: those of the lower id are used",
        later.node.name,
        list(&names, "and")
    );
    let label = match later.relays.as_slice() {
        [relay] => format!("`{relay}` is not used for these pairs"),
        _ => "this order is not used for these pairs".to_owned(),
    };
    let mut finding = Finding::new(message, &later.node.origin.key("relay"), label);
    for first in others.iter().take(NAMED) {
        let label = format!("connects `{}` and `{}`", first.node.name, later.node.name);
        finding = finding.and(&first.node.origin.key("relay"), label);
    }
    finding.help("name the same relays on all of them, in the same order")
}
