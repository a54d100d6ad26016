//! Warns when the round trip between control planes makes etcd slow.

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
The timings of etcd follow from `control_plane.round_trip_ms`: the heartbeat is 1.5 round trips, and \
the election timeout is ten heartbeats. With these timings, the members agree. But each write to the \
API waits for a round trip to more than half of them. When the leader is lost, the API stops until the \
election timeout is over: this takes seconds, where etcd's default is one second.

Put the control planes into one region, with at most 100 ms between them. Workers can be anywhere: they \
do not vote.

Source: etcd, \"Tuning\", \"Time parameters\".",
    scope: Scope::Whole,
    check,
};

/// The longest round trip that is not reported, in milliseconds.
const FAR: u16 = 100;

fn check(topology: &Topology, findings: &mut Findings) {
    let round_trip = topology.control_plane.round_trip_ms.map(|round_trip| round_trip.get());
    let Some(round_trip) = round_trip.filter(|round_trip| *round_trip > FAR) else { return };
    let EtcdTimings { heartbeat_interval, election_timeout } =
        EtcdTimings::for_round_trip(round_trip.into());
    let message = format!(
        "with a round trip of {round_trip} ms, etcd's heartbeat is {heartbeat_interval} ms and its \
         election timeout is {election_timeout} ms"
    );
    let at = topology.control_plane.origin.key("round_trip_ms");
    let finding = Finding::new(message, &at, format!("more than {FAR} ms"));
    findings
        .push(finding.help(format!("choose control planes with at most {FAR} ms between them")));
}
