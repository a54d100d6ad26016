//! Control planes are close enough for etcd to be quick.

use crate::check::{Findings, Rule, Scope, Theme};
use crate::derive::etcd::EtcdTimings;
use crate::diagnostic::{Finding, Severity};
use crate::topology::Topology;

pub(super) const RULE: Rule<Topology> = Rule {
    code: "control-planes-far-apart",
    severity: Severity::Warning,
    theme: Theme::ControlPlane,
    summary: "the round trip between control planes makes etcd slow",
    explain: "\
etcd's timings follow from `control_plane.round_trip_ms`: a heartbeat of 1.5 round trips, an election \
after ten of those. Its members then agree, but each write to the API waits for a round trip to most of \
them, and when the leader is lost the API stands still until the election timeout is over: seconds, where \
etcd's own default is one.

Put the control planes into one region, up to 100 ms from each other, and workers wherever they are \
needed: they do not vote.

Source: etcd, \"Tuning\", \"Time parameters\".",
    scope: Scope::Whole,
    check,
};

/// Milliseconds.
const FAR: u16 = 100;

fn check(topology: &Topology, findings: &mut Findings) {
    let round_trip = topology.control_plane.round_trip_ms.map(|round_trip| round_trip.get());
    let Some(round_trip) = round_trip.filter(|round_trip| *round_trip > FAR) else { return };
    let EtcdTimings { heartbeat_interval, election_timeout } =
        EtcdTimings::for_round_trip(round_trip.into());
    let message = format!(
        "at {round_trip} ms etcd's heartbeat is {heartbeat_interval} ms and an election takes \
         {election_timeout} ms"
    );
    let at = topology.control_plane.origin.key("round_trip_ms");
    let finding = Finding::new(message, &at, format!("more than {FAR} ms"));
    findings.push(finding.help(format!("keep control planes within {FAR} ms of each other")));
}
