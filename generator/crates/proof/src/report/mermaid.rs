//! A trace as a sequence diagram (<https://mermaid.js.org/syntax/sequenceDiagram.html>).

use std::fmt::Write as _;

use super::text;
use crate::hop::{FlowEnd, HopStep};
use crate::model::{MachineId, Model};
use crate::span::TreePaths;
use crate::trace::PacketTrace;

/// The diagram.
#[must_use]
pub fn diagram(model: &Model, paths: &TreePaths, trace: &PacketTrace) -> String {
    let mut text = String::from("sequenceDiagram\n");
    for (name, label) in participants(model, trace) {
        let _ = writeln!(text, "  participant {name} as {label}");
    }
    for hop in &trace.hops {
        let host = host(hop.machine);
        let what = escape(&text::step(model, hop));
        let place =
            hop.place.map_or(String::new(), |place| format!("<br/>{}", escape(&paths.show(place))));
        let _ = match hop.step {
            HopStep::Sent(FlowEnd::Pod) => {
                writeln!(text, "  {}->>{host}: {what}", pod(hop.machine))
            }
            HopStep::Delivered(FlowEnd::Pod) => {
                writeln!(text, "  {host}->>{}: {what}", pod(hop.machine))
            }
            HopStep::Delivered(FlowEnd::Internet) => writeln!(text, "  {host}->>internet: {what}"),
            HopStep::Delivered(FlowEnd::Network) => writeln!(text, "  {host}->>network: {what}"),
            HopStep::Encrypted { to, .. } => {
                writeln!(text, "  {host}->>{}: {what}{place}", self::host(to))
            }
            _ => writeln!(text, "  Note over {host}: {what}{place}"),
        };
    }
    let end = trace.cause.as_ref().or(trace.stopped.as_ref());
    if let (Some(finding), Some(last)) = (end, trace.hops.last()) {
        let what = escape(&format!("{}: {}", finding.code, finding.message));
        let place = escape(&paths.show(finding.place));
        let _ = writeln!(
            text,
            "  Note over {}: {}<br/>{what}<br/>{place}",
            host(last.machine),
            ended(trace)
        );
    }
    text
}

fn ended(trace: &PacketTrace) -> &'static str {
    match (trace.stopped.is_some(), trace.is_to_arrive) {
        (true, true) => "ends here",
        (true, false) => "ends here, as expected",
        (false, _) => "arrives, but has to be stopped",
    }
}

/// The participants in the order of the path.
fn participants(model: &Model, trace: &PacketTrace) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut meet = |name: String, label: String| {
        if !found.iter().any(|(known, _)| *known == name) {
            found.push((name, label));
        }
    };
    for hop in &trace.hops {
        let name = &model.machine(hop.machine).name;
        if hop.step == HopStep::Sent(FlowEnd::Pod) {
            meet(pod(hop.machine), format!("pod on {name}"));
        }
        meet(host(hop.machine), name.clone());
        match hop.step {
            HopStep::Delivered(FlowEnd::Pod) => meet(pod(hop.machine), format!("pod on {name}")),
            HopStep::Delivered(FlowEnd::Internet) => meet("internet".into(), "the Internet".into()),
            HopStep::Delivered(FlowEnd::Network) => meet("network".into(), "the network".into()),
            _ => {}
        }
    }
    found
}

/// Machines' names can be keywords of mermaid.
pub(super) fn host(machine: MachineId) -> String {
    format!("host{}", machine.index())
}

fn pod(machine: MachineId) -> String {
    format!("pod{}", machine.index())
}

/// In mermaid, a semicolon ends a statement, and a number sign begins an entity.
pub(super) fn escape(text: &str) -> String {
    text.replace('#', "#35;").replace("; ", ", ")
}
