//! No two peers of a node are sent the same address.

use std::collections::BTreeMap;

use ipnet::Ipv4Net;

use crate::check::{Findings, Rule, Scope, Theme};
use crate::derive::location::Location;
use crate::diagnostic::{Finding, Severity};
use crate::plan::mesh::{Identity, Peer};
use crate::plan::{Node, Plan};
use crate::route::Route;
use meshwright_value::Name;

pub(super) const RULE: Rule<Plan> = Rule {
    code: "allowed-ips-overlap",
    severity: Severity::Error,
    theme: Theme::Addresses,
    summary: "two peers of a node share an address",
    explain: "\
AllowedIPs are WireGuard's routing table and its filter at once: an address belongs to one peer. Where \
two name it, the one that is set last takes it away from the other, without a word, and what the other \
sends from there is dropped on arrival.

The rules over the topology keep addresses and blocks apart, so this one should never be seen: it reads \
what was derived from them once more, relays and clients included. If you see it, please report it with \
your topology.

Source: wg(8), AllowedIPs; `allowedips.c` of WireGuard.",
    scope: Scope::Present,
    check,
};

/// A prefix with the machine that has it.
type Owned<'plan> = (Ipv4Net, &'plan Name, &'plan Route);

fn check(plan: &Plan, findings: &mut Findings) {
    let clients = plan.clients.iter();
    let clients = clients.map(|client| (client.address.into(), &client.name, &client.origin));
    let nodes = plan
        .nodes
        .iter()
        .flat_map(|node| node.prefixes().map(|prefix| (prefix, &node.name, &node.origin)));
    if let Some((one, other)) = overlap(nodes.chain(clients)) {
        findings.push(finding(None, one, other));
        return;
    }
    // What is disjoint for all stays so for a node unless a prefix is given to two of its peers.
    for node in behind_nat(plan) {
        let peers = plan.peers(node);
        if let Some((one, other)) = overlap(peers.iter().flat_map(owned)) {
            findings.push(finding(Some(&node.name), one, other));
        }
    }
}

/// The nodes whose peers carry the prefixes of others: those behind NAT. Who carries what for one
/// follows from where it stands, which relay it names and whose id is lower: of those that are alike
/// in the first two, the first and the last stand for all. All peers of a thousand nodes are a million.
fn behind_nat(plan: &Plan) -> impl Iterator<Item = &Node> {
    let mut kinds: BTreeMap<_, Vec<&Node>> = BTreeMap::new();
    for node in plan.nodes.iter().filter(|node| !node.is_public()) {
        let Location { site, lan_endpoint, .. } = &node.location;
        kinds.entry((site, lan_endpoint.is_some(), node.relay)).or_default().push(node);
    }
    kinds.into_values().flat_map(|nodes| match &*nodes {
        [first, .., last] => vec![*first, *last],
        _ => nodes,
    })
}

fn owned<'plan>(peer: &Peer<'plan>) -> impl Iterator<Item = Owned<'plan>> {
    let (name, origin) = match peer.identity {
        Identity::Node(node) => (&node.name, &node.origin),
        Identity::Client(client) => (&client.name, &client.origin),
    };
    peer.allowed_ips.iter().map(move |prefix| (*prefix, name, origin))
}

/// Two prefixes of which one holds the other. In the order of their starts, the shorter prefix
/// first, such a pair is next to each other if there is one at all.
fn overlap<'plan>(
    prefixes: impl Iterator<Item = Owned<'plan>>,
) -> Option<(Owned<'plan>, Owned<'plan>)> {
    let mut sorted: Vec<_> = prefixes.collect();
    sorted.sort_by_key(|(prefix, ..)| (prefix.network(), prefix.prefix_len()));
    let pairs = sorted.windows(2).map(|pair| (pair[0], pair[1]));
    pairs.into_iter().find(|(one, other)| one.0.contains(&other.0))
}

fn finding(node: Option<&Name>, one: Owned<'_>, other: Owned<'_>) -> Finding {
    let of = node.map(|node| format!(" of `{node}`")).unwrap_or_default();
    let message = format!("the peers `{}` and `{}`{of} share {}", one.1, other.1, other.0);
    Finding::new(message, &other.2.key("name"), format!("is sent {}", other.0))
        .and(&one.2.key("name"), format!("is sent {}", one.0))
}
