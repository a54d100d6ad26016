//! The two ends of a relayed pair name one relay.

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
    summary: "two nodes that need a relay name different ones",
    explain: "\
Both ends of a pair send to each other through one relay, else the answer comes from a peer that may not \
have sent it, and is dropped. Where the two name different relays, that of the node with the lower id \
carries the pair in both directions; the other's `relay` is not used for it. Both nodes depend on that \
relay, and pay its detour, though one of them says otherwise.

Name the same relay on both; or accept the warning, where each one's relay is the better way to most \
others.

Source: wg(8), AllowedIPs: a packet is taken only from the peer that it would be sent to.",
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
    let mut relayed = relayed(topology);
    relayed.sort_by_key(|one| one.node.id);
    for (position, later) in relayed.iter().enumerate() {
        let overruled = relayed[..position].iter().filter(|first| {
            first.relay != later.relay && !first.location.connects(&later.location)
        });
        let overruled: Vec<_> = overruled.collect();
        if !overruled.is_empty() {
            findings.push(finding(later, &overruled));
        }
    }
}

/// What names no relay, or none that can be one, other rules report.
fn relayed(topology: &Topology) -> Vec<Relayed<'_>> {
    let nodes = nodes_by_name(topology);
    let relayed = topology.nodes.iter().filter_map(|node| {
        let relay = node.relay.as_ref()?;
        let is_public = nodes.get(relay).is_some_and(|relay| relay.endpoint.is_some());
        is_public.then(|| Relayed { node, relay, location: Location::of(node) })
    });
    relayed.collect()
}

/// By the node whose relay is not used.
fn finding(later: &Relayed<'_>, overruled: &[&Relayed<'_>]) -> Finding {
    let names: Vec<_> = overruled.iter().map(|first| &first.node.name).collect();
    let message = format!(
        "`{}` and {} name different relays: that of the lower id is taken",
        later.node.name,
        list(&names, "and")
    );
    let label = format!("`{}` is not used for these pairs", later.relay);
    let mut finding = Finding::new(message, &later.node.origin.key("relay"), label);
    for first in overruled.iter().take(NAMED) {
        let label = format!("carries `{}` and `{}`", first.node.name, later.node.name);
        finding = finding.and(&first.node.origin.key("relay"), label);
    }
    finding.help("name one relay on all of them")
}
