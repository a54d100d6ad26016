//! The diagnostics that the stages have reported so far.

use std::collections::BTreeSet;
use std::ops::Bound;

use super::{Diagnostic, Finding, LabelPlace, Severity};
use crate::route::{Route, Step};

/// Code of the error that reports that further errors are left out.
pub const ERRORS_TOO_MANY: &str = "errors-too-many";

/// The most errors that are reported: a damaged file of the largest size has half a million errors,
/// and their report would be a hundred times as large as the file.
const MOST: usize = 10_000;

/// All diagnostics so far, and the places that could not be read.
#[derive(Debug, Default)]
pub struct Problems {
    diagnostics: Vec<Diagnostic>,
    /// How many of them are errors.
    errors: usize,
    broken: BTreeSet<Route>,
    /// Whether an error was reported that is not about a broken place: an unknown key may belong to
    /// any table.
    has_strays: bool,
}

impl Problems {
    /// Problems that begin with those of the TOML parser.
    #[must_use]
    pub fn new(diagnostics: Vec<Diagnostic>) -> Self {
        let has_strays = !diagnostics.is_empty();
        let mut problems = Self { has_strays, ..Self::default() };
        diagnostics.into_iter().for_each(|found| problems.add(found));
        problems
    }

    /// Reports that the value at `route` could not be read. Rules do not report it after that.
    pub fn broken(&mut self, code: &'static str, route: &Route, finding: Finding) {
        self.silence(route);
        self.add(Diagnostic { code, severity: Severity::Error, finding });
    }

    /// Excludes the value at `route` from rules: it is not the value that the user wrote.
    pub fn silence(&mut self, route: &Route) {
        self.broken.insert(route.clone());
    }

    /// Reports a fault that leaves the values readable, such as a key that does not exist.
    pub fn report(&mut self, code: &'static str, severity: Severity, finding: Finding) {
        self.has_strays |= severity == Severity::Error;
        self.add(Diagnostic { code, severity, finding });
    }

    /// The first error beyond the limit is replaced by a report of the limit, at its place.
    fn add(&mut self, found: Diagnostic) {
        let is_error = found.severity == Severity::Error;
        match self.errors {
            MOST if is_error => self.diagnostics.push(too_many(found)),
            errors if is_error && errors > MOST => {}
            _ => self.diagnostics.push(found),
        }
        self.errors += usize::from(is_error);
    }

    /// Whether a further error would not be reported, so that a search for one is useless.
    #[must_use]
    pub fn are_too_many(&self) -> bool {
        self.errors > MOST
    }

    /// The diagnostics so far, so that a later stage can complete their texts.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut Diagnostic> {
        self.diagnostics.iter_mut()
    }

    /// Whether an error was reported, so that the next stage must not run.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.errors > 0
    }

    /// All diagnostics, in the order in which they were found.
    #[must_use]
    pub fn into_diagnostics(self) -> Vec<Diagnostic> {
        self.diagnostics
    }

    /// Whether these tables of the document could be read as a whole.
    #[must_use]
    pub fn spare(&self, tables: &[&str]) -> bool {
        let is_within = |route: &Route| match route.steps().first() {
            Some(Step::Key(table)) => tables.contains(&table.as_ref()),
            Some(Step::Index(_)) | None => true,
        };
        !self.has_strays && !self.are_too_many() && !self.broken.iter().any(is_within)
    }

    /// Whether a finding is about a place that could not be read.
    #[must_use]
    pub fn concerns_broken(&self, finding: &Finding) -> bool {
        finding.labels.iter().any(|label| match &label.place {
            LabelPlace::Value(route) | LabelPlace::Missing(route) | LabelPlace::Key(route) => {
                self.touches_broken(route.steps())
            }
            LabelPlace::Bytes(_) => false,
        })
    }

    /// Whether a broken place contains this one, or this one a broken place. In the order of
    /// routes, a place comes directly before the places inside it.
    fn touches_broken(&self, steps: &[Step]) -> bool {
        let is_within = (0..steps.len()).any(|length| self.broken.contains(&steps[..length]));
        let mut after = self.broken.range::<[Step], _>((Bound::Included(steps), Bound::Unbounded));
        is_within || after.next().is_some_and(|next| next.steps().starts_with(steps))
    }
}

fn too_many(found: Diagnostic) -> Diagnostic {
    let Finding { mut labels, secrets, .. } = found.finding;
    labels.truncate(1);
    for label in &mut labels {
        label.text = "one more is here".to_owned();
    }
    let message = format!("there are more than {MOST} errors");
    let help = "fix the reported errors, then check again: further errors are left out";
    let help = Some(help.to_owned());
    let finding = Finding { message, labels, help, change: None, secrets };
    Diagnostic { code: ERRORS_TOO_MANY, severity: Severity::Error, finding }
}
