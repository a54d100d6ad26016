//! The table for people.

use std::fmt::Write as _;

use crate::proof::flows;
use crate::proof::judge::{Count, Failure, Proof};

/// Causes beyond these are counted alone.
const SHOWN: usize = 20;

/// What came of a proof, as text.
#[must_use]
pub fn table(proof: &Proof) -> String {
    let mut text = String::new();
    let shown = flows::ALL.iter().zip(&proof.counts);
    let shown = shown.filter(|(_, count)| **count != Count::default());
    for (flow, count) in shown {
        let Count { proven, failed } = *count;
        let verdict = if failed == 0 { "proven" } else { "FAILS" };
        let of = proven + failed;
        let number = if failed == 0 { of.to_string() } else { format!("{failed} of {of}") };
        let _ = writeln!(text, "{:20} {verdict:7} {number:>10}  {}", flow.name, flow.about);
    }
    for failure in proof.failures.iter().take(SHOWN) {
        describe(proof, failure, &mut text);
    }
    if proof.failures.len() > SHOWN {
        let _ = writeln!(text, "\nand {} more causes", proof.failures.len() - SHOWN);
    }
    for finding in &proof.findings {
        let place = proof.paths.show(finding.place);
        let _ = writeln!(text, "\n{}: {}\n  --> {place}", finding.code, finding.message);
    }
    text
}

fn describe(proof: &Proof, failure: &Failure, text: &mut String) {
    let Some(model) = &proof.model else { return };
    let first = failure.first;
    let [from, to] = [first.from, first.to].map(|id| model.machine(id).name.as_str());
    let finding = &failure.finding;
    let place = proof.paths.show(finding.place);
    let _ = writeln!(text, "\n{}: {}\n  --> {place}", finding.code, finding.message);
    let others = match failure.count - 1 {
        0 => String::new(),
        more => format!(", and {more} more"),
    };
    let _ = writeln!(text, "  breaks {} from {from} to {to}{others}", first.flow.name);
}
