//! Refuses a plan in which two peers of a node have the same address.

use std::collections::BTreeMap;

use ipnet::Ipv4Net;

use crate::check::{Findings, Rule, Scope, Theme};
use crate::derive::location::Location;
use crate::diagnostic::{Finding, Severity};
use crate::plan::mesh::{Peer, PeerIdentity};
use crate::plan::{NodePlan, Plan};
use crate::route::Route;
use meshwright_value::Name;

pub(super) const RULE: Rule<Plan> = Rule {
    code: "allowed-ips-overlap",
    severity: Severity::Error,
    theme: Theme::Addresses,
    summary: "two peers of a node have the same address in AllowedIPs",
    explain: "\
WireGuard uses AllowedIPs as its routing table and as its filter, so an address belongs to one peer. If \
two peers have the same address, WireGuard gives it to the peer that was set last, without an error \
message. Packets that the other peer sends from this address are dropped on arrival.

The rules about the topology already keep addresses and pod blocks apart. This rule checks the derived \
values again, with relays and clients. It should never report anything: if you see it, please report it \
with your topology.

Source: wg(8), AllowedIPs; `allowedips.c` of WireGuard.",
    scope: Scope::Present,
    check,
};

/// A prefix with the node or client that has it.
type OwnedPrefix<'plan> = (Ipv4Net, &'plan Name, &'plan Route);

fn check(plan: &Plan, findings: &mut Findings) {
    let clients = plan.clients.iter().flat_map(|client| {
        client.prefixes().into_iter().map(|prefix| (prefix, &client.name, &client.origin))
    });
    let nodes = plan.nodes.iter().flat_map(|node| {
        node.prefixes().into_iter().map(|prefix| (prefix, &node.name, &node.origin))
    });
    if let Some((one, other)) = overlap(nodes.chain(clients)) {
        findings.push(finding(None, one, other));
        return;
    }
    // The prefixes of the members are disjoint. Those of a node's peers can overlap only where a
    // prefix is given to two peers.
    for node in behind_nat(plan) {
        let peers = plan.peers(node);
        if let Some((one, other)) = overlap(peers.iter().flat_map(prefixes_of_peer)) {
            findings.push(finding(Some(&node.name), one, other));
        }
    }
}

/// The nodes behind NAT: only their peers carry the prefixes of other nodes. The peer that carries a
/// prefix follows from the node's location, its relays and the order of the ids. Of the nodes with
/// the same location and relays, only the first and the last are returned: a thousand nodes have a
/// million peers.
fn behind_nat(plan: &Plan) -> impl Iterator<Item = &NodePlan> {
    let mut kinds: BTreeMap<_, Vec<&NodePlan>> = BTreeMap::new();
    for node in plan.nodes.iter().filter(|node| !node.is_public()) {
        let Location { site, lan_endpoint, .. } = &node.location;
        kinds.entry((site, lan_endpoint.is_some(), &node.relays)).or_default().push(node);
    }
    kinds.into_values().flat_map(|nodes| match &*nodes {
        [first, .., last] => vec![*first, *last],
        _ => nodes,
    })
}

fn prefixes_of_peer<'plan>(peer: &Peer<'plan>) -> impl Iterator<Item = OwnedPrefix<'plan>> {
    let (name, origin) = match peer.identity {
        PeerIdentity::Node(node) => (&node.name, &node.origin),
        PeerIdentity::Client(client) => (&client.name, &client.origin),
    };
    peer.allowed_ips.iter().map(move |prefix| (*prefix, name, origin))
}

/// Two prefixes of which one contains the other. If there is such a pair, two neighbours of the
/// sorted list are one: the list is sorted by the first address, then the shorter prefix first.
fn overlap<'plan>(
    prefixes: impl Iterator<Item = OwnedPrefix<'plan>>,
) -> Option<(OwnedPrefix<'plan>, OwnedPrefix<'plan>)> {
    let mut sorted: Vec<_> = prefixes.collect();
    sorted.sort_by_key(|(prefix, ..)| (prefix.network(), prefix.prefix_len()));
    let pairs = sorted.windows(2).map(|pair| (pair[0], pair[1]));
    pairs.into_iter().find(|(one, other)| one.0.contains(&other.0))
}

fn finding(node: Option<&Name>, one: OwnedPrefix<'_>, other: OwnedPrefix<'_>) -> Finding {
    let of_node = node.map(|node| format!(" of `{node}`")).unwrap_or_default();
    let message =
        format!("the peers `{}` and `{}`{of_node} have the address {}", one.1, other.1, other.0);
    Finding::new(message, &other.2.key("name"), format!("AllowedIPs have {}", other.0))
        .and(&one.2.key("name"), format!("AllowedIPs have {}", one.0))
}
