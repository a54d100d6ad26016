//! Rules: what must hold between values. One file a rule, named by its code.
//!
//! To add one: a file here, its `mod` line and its place in [`TOPOLOGY`] or [`PLAN`], and a fixture
//! `fixtures/reject/<code>.toml`. Tests find what is missing and name it.

use std::ops::Deref;

use crate::diagnostic::{Diagnostic, Finding, Place, Severity};
use crate::plan::Plan;
use crate::route::Route;
use crate::topology::Topology;

/// One thing that must hold, with the words for when it does not.
pub struct Rule<T: 'static> {
    /// The fault in kebab-case, subject first: the name of this rule's file and fixture.
    pub code: &'static str,
    /// What a breach means for the run.
    pub severity: Severity,
    /// The fault in one line, for lists.
    pub summary: &'static str,
    /// What happens on the machines if it is ignored, what to do, and the source. Markdown.
    pub explain: &'static str,
    /// Whether the rule may run while parts of the document could not be read.
    pub scope: Scope,
    /// Finds every breach.
    pub check: fn(&T, &mut Findings),
}

/// What a rule must see to be right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Each breach shows in the values that it names, whatever else is missing.
    Present,
    /// The rule misses something (a control plane, the node that a name means): on a document of
    /// which a part could not be read it would complain about what is there, misspelt.
    Whole,
}

/// What a rule has found so far.
#[derive(Debug, Default)]
pub struct Findings(Vec<Finding>);

impl Findings {
    /// Reports one breach.
    pub fn push(&mut self, finding: Finding) {
        self.0.push(finding);
    }
}

/// A value that has passed all of its rules; only [`check`] makes one.
#[derive(Debug)]
pub struct Checked<T>(T);

impl<T> Deref for Checked<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

/// Everything that was reported on the way, and the places that could not be read.
#[derive(Debug, Default)]
pub struct Problems {
    diagnostics: Vec<Diagnostic>,
    broken: Vec<Route>,
}

impl Problems {
    /// Problems that begin with those of the TOML parser.
    #[must_use]
    pub fn new(diagnostics: Vec<Diagnostic>) -> Self {
        Self { diagnostics, broken: Vec::new() }
    }

    /// Reports that the value at `route` could not be read. Rules stay silent about it from now on.
    pub fn broken(&mut self, code: &'static str, route: &Route, finding: Finding) {
        self.broken.push(route.clone());
        self.diagnostics.push(Diagnostic { code, severity: Severity::Error, finding });
    }

    /// Reports a fault that leaves the values readable, such as a key that does not exist.
    pub fn report(&mut self, code: &'static str, severity: Severity, finding: Finding) {
        self.diagnostics.push(Diagnostic { code, severity, finding });
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

    fn concerns_broken(&self, finding: &Finding) -> bool {
        finding.labels.iter().any(|label| match &label.place {
            Place::Value(route) | Place::Missing(route) | Place::Key(route) => {
                self.broken.iter().any(|broken| route.touches(broken))
            }
            Place::Bytes(_) => false,
        })
    }
}

/// Runs every rule, never only up to the first breach.
///
/// Returns the subject as checked when nothing so far is an error.
pub fn check<T>(subject: T, rules: &[Rule<T>], problems: &mut Problems) -> Option<Checked<T>> {
    for rule in rules {
        if rule.scope == Scope::Whole && !problems.broken.is_empty() {
            continue;
        }
        let mut findings = Findings::default();
        (rule.check)(&subject, &mut findings);
        for finding in findings.0 {
            if !problems.concerns_broken(&finding) {
                problems.report(rule.code, rule.severity, finding);
            }
        }
    }
    (!problems.has_errors()).then_some(Checked(subject))
}

/// The rules between values of the topology.
pub const TOPOLOGY: &[Rule<Topology>] = &[];

/// The rules between derived values.
pub const PLAN: &[Rule<Plan>] = &[];
