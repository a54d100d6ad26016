//! A survey as text for a terminal.

use std::fmt::Write as _;

use crate::delivery::DeliveredState;
use crate::inspection::{
    DeliveryCondition, DeliveryRecord, Inspection, Membership, Preparation, RelayRecord,
};
use crate::survey::MachineSurvey;
use meshwright_value::count;

/// The columns of the first table.
const HEADS: [&str; 8] =
    ["machine", "delivered", "state", "cluster", "ready", "peers", "bgp", "kubernetes"];

/// The largest number of machines whose handshakes are printed as a table: a terminal has 80 to 200 columns. The peers that
/// are silent are named in any case.
const TABLE: usize = 12;

/// What was not seen.
const UNKNOWN: &str = "-";

/// The machines side by side, the handshakes between them, and what each needs.
#[must_use]
pub fn text(machines: &[MachineSurvey]) -> String {
    let mut text = String::new();
    let rows: Vec<Vec<String>> = machines.iter().map(row).collect();
    table(&mut text, &HEADS.map(str::to_owned), &rows);
    for machine in machines {
        if let Some(error) = &machine.unreachable {
            let _ = writeln!(text, "\n{}: {error}", machine.name);
        }
    }
    handshakes(&mut text, machines);
    details(&mut text, machines);
    for machine in machines {
        for step in &machine.next {
            let _ = writeln!(text, "next, {}: {step}", machine.name);
        }
    }
    text
}

fn row(machine: &MachineSurvey) -> Vec<String> {
    let name = machine.name.clone();
    let Some(inspection) = &machine.inspection else {
        let mut cells = vec![name, "not reached".to_owned()];
        cells.resize(HEADS.len(), UNKNOWN.to_owned());
        return cells;
    };
    let unknown = || UNKNOWN.to_owned();
    let nodes = || inspection.peers.iter().filter(|peer| peer.is_node);
    let heard = nodes().filter(|peer| peer.is_heard()).count();
    let peers = if inspection.peers.is_empty() {
        unknown()
    } else {
        format!("{heard}/{}", nodes().count())
    };
    let bgp = inspection.bgp.map(|bgp| format!("{}/{}", bgp.established, bgp.all));
    let kubelet = inspection.versions.iter().find(|version| version.package == "kubelet");
    vec![
        name,
        delivered(inspection, machine.delivered.as_ref()),
        state(inspection),
        inspection.membership.as_ref().map_or_else(unknown, membership),
        inspection.ready.clone().unwrap_or_else(unknown),
        peers,
        bgp.unwrap_or_else(unknown),
        kubelet.map_or_else(unknown, |version| version.installed.clone()),
    ]
}

fn delivered(inspection: &Inspection, delivered: Option<&DeliveredState>) -> String {
    match &inspection.preparation {
        Preparation::Running(_) => return "prepares itself".to_owned(),
        Preparation::Stopped(_) => return "not prepared".to_owned(),
        Preparation::Done => {}
    }
    match inspection.delivery.as_ref().map(|record: &DeliveryRecord| record.condition) {
        Some(DeliveryCondition::Interrupted) => return "interrupted".to_owned(),
        Some(DeliveryCondition::Unconfirmed) => return "not confirmed".to_owned(),
        Some(DeliveryCondition::Whole) | None => {}
    }
    match delivered {
        None | Some(DeliveredState::Nothing) => "nothing yet".to_owned(),
        Some(DeliveredState::Current) => "current".to_owned(),
        Some(DeliveredState::PublicPartIsCurrent) => "current (public)".to_owned(),
        Some(DeliveredState::OtherSecret { .. }) => "another secret".to_owned(),
        Some(DeliveredState::Revision { revision, .. }) => revision.clone(),
        Some(DeliveredState::Unknown { .. }) => "other files".to_owned(),
    }
}

fn state(inspection: &Inspection) -> String {
    let Some(record) = &inspection.delivery else { return UNKNOWN.to_owned() };
    match inspection.differences.len() + record.changed.len() {
        0 => "as delivered".to_owned(),
        found => count(found, "difference"),
    }
}

fn membership(membership: &Membership) -> String {
    let word = match membership {
        Membership::Outside(_) => "not joined",
        Membership::Applying => "joined, applies",
        Membership::Waiting(_) => "joined, waits",
        Membership::Joined => "joined",
    };
    word.to_owned()
}

/// The age of the last handshake: one row for each machine, one column for each peer that is a node.
fn handshakes(text: &mut String, machines: &[MachineSurvey]) {
    let inspected = || machines.iter().filter(|machine| machine.inspection.is_some());
    if inspected().count() < 2 || machines.len() > TABLE {
        return;
    }
    let mut heads = vec!["last handshake".to_owned()];
    heads.extend(machines.iter().map(|machine| machine.name.clone()));
    let rows: Vec<Vec<String>> = inspected()
        .map(|machine| {
            let peers = machine.inspection.iter().flat_map(|inspection| &inspection.peers);
            let age = |name: &str| {
                let peer = peers.clone().find(|peer| peer.is_node && peer.name == name);
                match peer.map(|peer| peer.handshake_age) {
                    None => UNKNOWN.to_owned(),
                    Some(None) => "never".to_owned(),
                    Some(Some(age)) => format!("{age} s"),
                }
            };
            let ages = machines.iter().map(|other| age(&other.name));
            std::iter::once(machine.name.clone()).chain(ages).collect()
        })
        .collect();
    text.push('\n');
    table(text, &heads, &rows);
}

/// Everything that is not as the files say, one line each.
fn details(text: &mut String, machines: &[MachineSurvey]) {
    let mut lines = Vec::new();
    for machine in machines {
        let Some(inspection) = &machine.inspection else { continue };
        let mut add = |line: String| lines.push(format!("{}: {line}", machine.name));
        match &inspection.preparation {
            Preparation::Running(reason) | Preparation::Stopped(reason) if !reason.is_empty() => {
                add(reason.clone());
            }
            _ => {}
        }
        if let Some(
            DeliveredState::Revision { differing, .. } | DeliveredState::Unknown { differing },
        ) = &machine.delivered
        {
            add(format!("not as in the output directory: {}", paths(differing)));
        }
        if let Some(record) =
            inspection.delivery.as_ref().filter(|record| !record.changed.is_empty())
        {
            add(format!("changed since the delivery: {}", paths(&record.changed)));
        }
        inspection.differences.iter().for_each(|difference| add(difference.text.clone()));
        for rule in &inspection.rules {
            let verb = if rule.is_additional { "has one more line" } else { "lacks the line" };
            add(format!("the loaded firewall {verb}: {}", rule.line));
        }
        for RelayRecord { node, relay, position, all } in &inspection.relays {
            add(format!("reaches {node} by way of {relay} (relay {position} of {all})"));
        }
        for rules in &inspection.foreign_rules {
            let what = if rules.drops_all { "what Meshwright accepts" } else { "some packets" };
            add(format!("other programs drop {what}: {}", rules.chains));
        }
    }
    if !lines.is_empty() {
        text.push('\n');
    }
    for line in lines {
        let _ = writeln!(text, "{line}");
    }
    text.push('\n');
}

/// Paths on the machine, the first few.
fn paths(paths: &[String]) -> String {
    const SHOWN: usize = 4;
    let shown: Vec<_> = paths.iter().take(SHOWN).map(|path| format!("/{path}")).collect();
    match paths.len().saturating_sub(SHOWN) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

/// Left-aligned columns with two spaces between them.
fn table(text: &mut String, heads: &[String], rows: &[Vec<String>]) {
    let width = |column: usize| {
        let cells = rows.iter().map(|row| row[column].chars().count());
        cells.chain([heads[column].chars().count()]).max().unwrap_or_default()
    };
    let widths: Vec<_> = (0..heads.len()).map(width).collect();
    for row in std::iter::once(heads).chain(rows.iter().map(Vec::as_slice)) {
        let cells: Vec<_> =
            row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        let _ = writeln!(text, "{}", cells.join("  ").trim_end());
    }
}
