//! What the stages have reported so far.

use std::collections::BTreeSet;
use std::ops::Bound;

use super::{Diagnostic, Finding, Place, Severity};
use crate::route::{Route, Step};

/// Everything that was reported on the way, and the places that could not be read.
#[derive(Debug, Default)]
pub struct Problems {
    diagnostics: Vec<Diagnostic>,
    broken: BTreeSet<Route>,
}

impl Problems {
    /// Problems that begin with those of the TOML parser.
    #[must_use]
    pub fn new(diagnostics: Vec<Diagnostic>) -> Self {
        Self { diagnostics, broken: BTreeSet::new() }
    }

    /// Reports that the value at `route` could not be read. Rules stay silent about it from now on.
    pub fn broken(&mut self, code: &'static str, route: &Route, finding: Finding) {
        self.silence(route);
        self.diagnostics.push(Diagnostic { code, severity: Severity::Error, finding });
    }

    /// Keeps rules from speaking about the value at `route`: it is not what the user means.
    pub fn silence(&mut self, route: &Route) {
        self.broken.insert(route.clone());
    }

    /// Reports a fault that leaves the values readable, such as a key that does not exist.
    pub fn report(&mut self, code: &'static str, severity: Severity, finding: Finding) {
        self.diagnostics.push(Diagnostic { code, severity, finding });
    }

    /// The diagnostics so far, for words that only a later stage knows.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut Diagnostic> {
        self.diagnostics.iter_mut()
    }

    /// Whether anything so far forbids to go on.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.diagnostics.iter().any(|found| found.severity == Severity::Error)
    }

    /// All diagnostics, in the order in which they were found.
    #[must_use]
    pub fn into_diagnostics(self) -> Vec<Diagnostic> {
        self.diagnostics
    }

    /// Whether a finding speaks about a place that could not be read.
    #[must_use]
    pub fn concerns_broken(&self, finding: &Finding) -> bool {
        finding.labels.iter().any(|label| match &label.place {
            Place::Value(route) | Place::Missing(route) | Place::Key(route) => {
                self.touches_broken(route.steps())
            }
            Place::Bytes(_) => false,
        })
    }

    /// Whether a broken place holds this one, or this one a broken place. In the order of routes,
    /// what a place holds follows it.
    fn touches_broken(&self, steps: &[Step]) -> bool {
        let is_within = (0..steps.len()).any(|length| self.broken.contains(&steps[..length]));
        let mut after = self.broken.range::<[Step], _>((Bound::Included(steps), Bound::Unbounded));
        is_within || after.next().is_some_and(|next| next.steps().starts_with(steps))
    }
}
