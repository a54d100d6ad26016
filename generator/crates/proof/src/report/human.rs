//! The report for people: a table.

use std::fmt::Write as _;

use crate::assumption::{self, Assumption};
use crate::exposure;
use crate::flows::{self, FlowCount};
use crate::ingress;
use crate::judge::Proof;
use crate::model::Model;

/// The table of all flows, without the causes of failures.
#[must_use]
pub fn table(proof: &Proof) -> String {
    let mut text = String::new();
    let shown = flows::all().zip(&proof.counts);
    shown.for_each(|(flow, count)| row(flow.name, *count, flow.about, &mut text));
    ingress_rows(proof, &mut text);
    if let Some(model) = &proof.model {
        public_sides(proof, model, &mut text);
    }
    listed("Assumed, because no file shows it:", &proof.assumptions, proof, &mut text);
    listed(
        "Not judged, because the proof does not know what it changes:",
        &proof.unjudged,
        proof,
        &mut text,
    );
    text
}

/// Assumptions under a heading; those with the same sentence are grouped.
fn listed(heading: &str, assumptions: &[Assumption], proof: &Proof, text: &mut String) {
    if assumptions.is_empty() {
        return;
    }
    let _ = writeln!(text, "\n{heading}");
    for alike in assumption::alike(assumptions) {
        let _ = writeln!(text, "  {}", alike[0].text);
        let places = alike.iter().take(PLACES).map(|one| proof.paths.show(one.place));
        let places = places.collect::<Vec<_>>().join(", ");
        let more = match alike.len().saturating_sub(PLACES) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let _ = writeln!(text, "      {places}{more}");
    }
}

/// The maximum number of places of one assumption.
const PLACES: usize = 4;

fn row(name: &str, count: FlowCount, about: &str, text: &mut String) {
    let FlowCount { proven, failed } = count;
    let of = proven + failed;
    if of == 0 {
        return;
    }
    let verdict = if failed == 0 { "proven" } else { "FAILS" };
    let number = if failed == 0 { of.to_string() } else { format!("{failed} of {of}") };
    let _ = writeln!(text, "{name:20} {verdict:7} {number:>10}  {about}");
}

/// The public names, each with its destination.
fn ingress_rows(proof: &Proof, text: &mut String) {
    row(ingress::FLOW, proof.ingress.count(), ingress::ABOUT, text);
    for request in &proof.ingress.requests {
        let end = match &request.end {
            Some(end) if request.stopped.is_none() => end.to_string(),
            _ => "FAILS".to_owned(),
        };
        let _ = writeln!(text, "  {}: {end}", request.hostname);
    }
}

/// The packets that each public side accepts, with the line of the rule; nodes that accept the same packets are
/// grouped.
#[must_use]
pub fn alike_public_sides<'a>(proof: &Proof, model: &'a Model) -> Vec<(Vec<String>, Vec<&'a str>)> {
    let mut alike: Vec<(Vec<String>, Vec<&str>)> = Vec::new();
    for id in model.nodes() {
        let Some(files) = model.files(id) else { continue };
        let admitted = exposure::public_side(model, id).admitted.into_iter().map(|(what, line)| {
            let path = proof.paths.path(files.firewall.file);
            let file = path.rsplit('/').next().unwrap_or_default();
            format!("{what}  ({file}:{})", line.unwrap_or(0))
        });
        let admitted: Vec<_> = admitted.collect();
        match alike.iter_mut().find(|(known, _)| *known == admitted) {
            Some((_, names)) => names.push(&files.name),
            None => alike.push((admitted, vec![&files.name])),
        }
    }
    alike
}

fn public_sides(proof: &Proof, model: &Model, text: &mut String) {
    for (admitted, names) in alike_public_sides(proof, model) {
        let shown = names.len().min(NAMES);
        let more = names.len() - shown;
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let names = names[..shown].join(", ");
        let _ = writeln!(
            text,
            "\nThe public side of {names}{more} accepts, besides answers to its own connections:"
        );
        admitted.iter().for_each(|line| {
            let _ = writeln!(text, "  {line}");
        });
    }
}

/// The maximum number of names in a group.
const NAMES: usize = 8;
