//! The framework of rules: what a rule is, when it may run, and what passing all of them gives.
//!
//! No rule is here. They are in [`crate::rules`].

mod theme;

use std::ops::Deref;

use crate::diagnostic::{Finding, Problems, Severity};

pub use theme::Theme;

/// One thing that must hold, with the words for when it does not.
pub struct Rule<T: 'static> {
    /// The fault in kebab-case, subject first: the name of this rule's file and fixture.
    pub code: &'static str,
    /// What a breach means for the run.
    pub severity: Severity,
    /// What it is about.
    pub theme: Theme,
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
    /// The rule misses something (a control plane, the node that a name means): where a part of these
    /// tables of the document could not be read, it would complain about what is there, misspelt.
    Tables(&'static [&'static str]),
    /// The rule warns of what is missing or a default: on a document of which any part could not be
    /// read, it would bury the faults of one just begun.
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

    /// Reports several breaches.
    pub fn extend(&mut self, findings: impl IntoIterator<Item = Finding>) {
        self.0.extend(findings);
    }
}

/// A value that has passed all of its rules; only [`check`] makes one.
#[derive(Debug)]
pub struct Checked<T>(T);

impl<T> Checked<T> {
    /// The value without the proof.
    #[must_use]
    pub fn into_inner(self) -> T {
        self.0
    }
}

impl<T> Deref for Checked<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

/// Runs every rule, never only up to the first breach.
///
/// Returns the subject as checked when nothing so far is an error.
///
/// # Errors
///
/// The subject as it is.
pub fn check<T: 'static>(
    subject: T,
    rules: impl IntoIterator<Item = &'static Rule<T>>,
    problems: &mut Problems,
) -> Result<Checked<T>, T> {
    let is_whole = |rule: &&Rule<T>| match rule.scope {
        Scope::Present => true,
        Scope::Tables(tables) => problems.spare(tables),
        Scope::Whole => !problems.has_errors(),
    };
    // What the rules find themselves leaves everything readable.
    let rules: Vec<_> = rules.into_iter().filter(is_whole).collect();
    for rule in rules {
        let mut findings = Findings::default();
        (rule.check)(&subject, &mut findings);
        for finding in findings.0 {
            if !problems.concerns_broken(&finding) {
                problems.report(rule.code, rule.severity, finding);
            }
        }
    }
    if problems.has_errors() { Err(subject) } else { Ok(Checked(subject)) }
}
