//! Warns when nodes reach each other only through one relay, although another node could carry their packets.

use std::collections::BTreeMap;

use crate::check::{Findings, Rule, Scope, Theme};
use crate::derive::location::Location;
use crate::derive::relay;
use crate::diagnostic::wording::NAMED;
use crate::diagnostic::{Finding, Severity};
use crate::rules::topology::node_names::nodes_by_name;
use crate::rules::topology::public_nodes::public_nodes;
use crate::topology::{Node, Topology};
use meshwright_value::{Name, Relays};

pub(super) const RULE: Rule<Topology> = Rule {
    code: "relay-single",
    severity: Severity::Warning,
    theme: Theme::Mesh,
    summary: "nodes reach each other only through one relay",
    explain: "\
Two nodes that cannot connect to each other send everything through one relay. While it is off, their \
hosts and pods do not reach each other, although other public nodes run: no node takes over. Requests to \
DNS or another Service fail whenever they go to a pod of the other node. Kubernetes does not notice it, \
because both nodes still reach the API, and moves no pod.

Name a second relay: `relay = [\"tokyo\", \"osaka\"]`. When the first one does not answer, both nodes use the \
next one, and return later. Or forward a UDP port of the router to one of the two nodes, and set it as \
`endpoint`: then they connect without a relay. Two nodes of one LAN get the same `site`, and one of them a \
`lan_endpoint`. If they may lose each other while the relay is off, such as during its upgrade, accept the \
warning. `meshwright prove --failures 1` lists what depends on each machine.

With only one public node the rule reports nothing: no other node could be a relay.",
    scope: Scope::Whole,
    check,
};

/// Two nodes that one relay connects, the lower id first.
type RelayedPair<'topology> = [&'topology Node; 2];

fn check(topology: &Topology, findings: &mut Findings) {
    if public_nodes(topology).len() < 2 {
        return;
    }
    for (relay, pairs) in relayed_pairs(topology) {
        findings.push(finding(relay, &pairs, topology));
    }
}

/// The pairs of each public relay; other rules report relays that cannot be one.
fn relayed_pairs(topology: &Topology) -> BTreeMap<&Name, Vec<RelayedPair<'_>>> {
    let names = nodes_by_name(topology);
    let behind_nat = topology.nodes.iter().filter(|node| node.endpoint.is_none());
    let mut located: Vec<_> = behind_nat.map(|node| (node, Location::from_node(node))).collect();
    located.sort_by_key(|(node, _)| node.id);
    let mut pairs: BTreeMap<&Name, Vec<RelayedPair<'_>>> = BTreeMap::new();
    for (position, (one, here)) in located.iter().enumerate() {
        let others = located[position + 1..].iter().filter(|(_, there)| !here.connects(there));
        for (other, _) in others {
            let named = [one, other].map(|node| (node.id, node.relay.as_ref()));
            let relays = relay::of_pair(named[0], named[1]);
            let is_public =
                |relay: &&Name| names.get(relay).is_some_and(|node| node.endpoint.is_some());
            let mut relays = relays.into_iter().flat_map(Relays::iter).filter(is_public);
            if let (Some(relay), None) = (relays.next(), relays.next()) {
                pairs.entry(relay).or_default().push([one, other]);
            }
        }
    }
    pairs
}

fn finding(relay: &Name, pairs: &[RelayedPair<'_>], topology: &Topology) -> Finding {
    let message = match pairs {
        [[one, other]] => {
            format!("`{}` and `{}` reach each other only through `{relay}`", one.name, other.name)
        }
        _ => format!("{} pairs of nodes reach each other only through `{relay}`", pairs.len()),
    };
    let names = |node: &&&Node| node.relays().any(|(_, named)| named == relay);
    let mut naming: Vec<_> = pairs.iter().flatten().filter(names).collect();
    naming.sort_by_key(|node| node.id);
    naming.dedup_by_key(|node| node.id);
    let place = |node: &Node| node.origin.key("relay");
    let mut finding = Finding::new(message, &place(naming[0]), "no other node takes over");
    for node in naming.iter().take(NAMED).skip(1) {
        finding = finding.and(&place(node), "the same relay");
    }
    let other = public_nodes(topology).into_iter().find(|public| *public != relay);
    let second = other.map_or_else(String::new, |other| {
        format!("name a second relay, as in `relay = [\"{relay}\", \"{other}\"]`, or ")
    });
    finding.help(format!(
        "{second}give one node of each pair an `endpoint`: a forwarded UDP port of its router"
    ))
}
