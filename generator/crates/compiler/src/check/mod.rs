//! The framework of rules: the type of a rule, when it may run, and the proof that a value passed
//! all rules.
//!
//! No rule is here. They are in [`crate::rules`].

mod theme;

use std::ops::Deref;

use crate::diagnostic::{Finding, Problems, Severity};

pub use theme::Theme;

/// A condition that must be true, with the texts that are reported if it is not.
pub struct Rule<T: 'static> {
    /// The fault in kebab-case, subject first: the name of this rule's file and fixture.
    pub code: &'static str,
    /// The effect of a breach on the run.
    pub severity: Severity,
    /// The part of a cluster that it checks.
    pub theme: Theme,
    /// The fault in one line, for lists.
    pub summary: &'static str,
    /// The effect on the machines if it is ignored, the remedy, and the source. Markdown.
    pub explain: &'static str,
    /// Whether the rule may run while parts of the document could not be read.
    pub scope: Scope,
    /// Finds every breach.
    pub check: fn(&T, &mut Findings),
}

/// The parts of the document that must be readable before a rule may run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Each breach is visible in the values that it names, even if other values are missing.
    Present,
    /// The rule looks for a value (a control plane, the node with a name). If a part of these
    /// tables could not be read, the rule would report a value as missing that is written but
    /// misspelt.
    Tables(&'static [&'static str]),
    /// The rule warns about a missing value or a default. It runs only if every part of the
    /// document could be read: in a new document, such warnings would hide the errors.
    Whole,
}

/// The breaches that a rule has found so far.
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
    // Findings of rules do not make a part of the document unreadable.
    let runnable: Vec<_> = rules.into_iter().filter(is_whole).collect();
    for rule in runnable {
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
