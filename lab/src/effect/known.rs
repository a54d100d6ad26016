//! Changes that have an effect and break nothing, each with its reason.

/// A line that may be missing or different in the files of a family.
struct KnownDifference {
    /// The family; empty for all.
    family: &'static str,
    /// A part of each line that differs.
    line: &'static str,
    /// Why nothing breaks.
    reason: &'static str,
}

const KNOWN: &[KnownDifference] = &[];

/// Why the differences between two texts of a file break nothing, if each of their lines is known.
#[must_use]
pub fn reason(family: &str, before: &str, after: &str) -> Option<&'static str> {
    let mut reasons = differing_lines(before, after).into_iter().map(|line| {
        let is_of = |known: &&KnownDifference| known.family.is_empty() || known.family == family;
        KNOWN.iter().filter(is_of).find(|known| line.contains(known.line)).map(|known| known.reason)
    });
    let first = reasons.next()??;
    reasons.all(|reason| reason.is_some()).then_some(first)
}

/// The lines that only one of two texts has, as often as they differ.
fn differing_lines<'text>(before: &'text str, after: &'text str) -> Vec<&'text str> {
    let mut rest: Vec<_> = after.lines().collect();
    let mut differing = Vec::new();
    for line in before.lines() {
        match rest.iter().position(|other| *other == line) {
            Some(at) => drop(rest.remove(at)),
            None => differing.push(line),
        }
    }
    differing.append(&mut rest);
    differing
}
