//! etcd knows how far apart its members are.

use crate::check::{Findings, Rule, Scope, Theme};
use std::collections::BTreeMap;

use crate::derive::zone;
use crate::diagnostic::wording::{NAMED, list};
use crate::diagnostic::{Finding, Severity};
use crate::topology::{Node, Topology};
use meshwright_value::Role;

pub(super) const RULE: Rule<Topology> = Rule {
    code: "round-trip-missing",
    severity: Severity::Warning,
    theme: Theme::ControlPlane,
    summary: "control planes stand in different places, and `round_trip_ms` is missing",
    explain: "\
etcd's own timings, a heartbeat of 100 ms and an election after 1000 ms without one, suit members within \
66 ms of each other. Between clouds a heartbeat takes longer than that now and then: the members lose \
their leader, elect another, and while they do every write to the API waits or fails. It looks like a \
cluster that is slow on some days.

Measure with `ping` between the two that are farthest apart and set `control_plane.round_trip_ms`: \
Meshwright derives the timings from it, the same on all members. Within 66 ms they stay etcd's own.

A place is a node's site, else its provider, else the node itself.

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
        places.entry(zone::of_node(node)).or_insert(node);
    }
    if places.len() > 1 {
        findings.push(finding(&places, topology));
    }
}

fn finding(places: &BTreeMap<String, &Node>, topology: &Topology) -> Finding {
    let names: Vec<_> = places.values().map(|node| &node.name).collect();
    let message = format!("nothing says how far apart {} are", list(&names, "and"));
    let at = topology.control_plane.origin.key("round_trip_ms");
    let mut finding = Finding::missing(message, &at, "etcd's own timings suit up to 66 ms");
    for (place, node) in places.iter().take(NAMED) {
        finding = finding.and(&node.origin.key("name"), format!("stands in `{place}`"));
    }
    finding.help("set `control_plane.round_trip_ms` to the longest `ping` between two of them")
}
