//! Warns when control planes are in different places and `round_trip_ms` is not set.

use std::collections::BTreeMap;

use crate::check::{Findings, Rule, Scope, Theme};
use crate::derive::zone;
use crate::diagnostic::wording::{NAMED, list};
use crate::diagnostic::{Finding, Severity};
use crate::topology::{Node, Topology};
use meshwright_value::Role;

pub(super) const RULE: Rule<Topology> = Rule {
    code: "round-trip-missing",
    severity: Severity::Warning,
    theme: Theme::ControlPlane,
    summary: "control planes are in different places, and `round_trip_ms` is missing",
    explain: "\
The default timings of etcd are a heartbeat of 100 ms and an election timeout of 1000 ms. They are \
right for members within 66 ms of each other. Between clouds, a heartbeat sometimes takes longer: the \
members lose their leader and elect another one. Until then, every write to the API waits or fails. The \
cluster looks slow on some days.

Measure the round trip with `ping` between the two control planes that are farthest apart, and set \
`control_plane.round_trip_ms`. Meshwright derives the timings from it, the same on all members. Up to \
66 ms, these are the default timings.

The place of a node is its site. Without a site it is the provider, and without both it is the node \
itself.

Source: etcd, \"Tuning\", \"Time parameters\"; etcd#1255.",
    scope: Scope::Whole,
    check,
};

fn check(topology: &Topology, findings: &mut Findings) {
    if topology.control_plane.round_trip_ms.is_some() {
        return;
    }
    let control_planes = topology.nodes.iter().filter(|node| node.role == Role::ControlPlane);
    let mut places: BTreeMap<String, &Node> = BTreeMap::new();
    for node in control_planes {
        places.entry(zone::node_zone(node)).or_insert(node);
    }
    if places.len() > 1 {
        findings.push(finding(&places, topology));
    }
}

fn finding(places: &BTreeMap<String, &Node>, topology: &Topology) -> Finding {
    let names: Vec<_> = places.values().map(|node| &node.name).collect();
    let message = format!("the round trip between {} is not set", list(&names, "and"));
    let at = topology.control_plane.origin.key("round_trip_ms");
    let mut finding =
        Finding::missing(message, &at, "the default timings of etcd are right up to 66 ms");
    for (place, node) in places.iter().take(NAMED) {
        finding = finding.and(&node.origin.key("name"), format!("is in `{place}`"));
    }
    finding.help("set `control_plane.round_trip_ms` to the longest `ping` between two of them")
}
