//! The pipeline as one function: text in, report and plan out.

use crate::diagnostic::{Diagnostic, Report, Severity};
use crate::document::{Document, Source};
use crate::plan::Plan;
use crate::rules::{self, Checked, Problems, lint_allow_unused};
use crate::topology::{Lint, Topology};

/// What came of one topology.
pub struct Compiled {
    /// Everything that was found, in all stages that could run.
    pub report: Report,
    /// The topology, unless an error was found in it.
    pub topology: Option<Checked<Topology>>,
    /// The plan, unless an error was found.
    pub plan: Option<Checked<Plan>>,
}

/// Runs every stage before rendering. A stage with an error ends the run after reporting all of
/// its errors.
#[must_use]
pub fn compile(source: &Source) -> Compiled {
    let (document, syntax) = Document::parse(source);
    let mut problems = Problems::new(syntax);
    let mut compiled = Stages::default();
    if !problems.has_errors() {
        compiled = stages(&document, &mut problems);
    }
    let (diagnostics, allowed) = accept(problems.into_diagnostics(), compiled.lint.as_ref());
    let located = diagnostics.into_iter().map(|found| document.locate(found)).collect();
    let report = Report::new(source.clone(), located, allowed);
    Compiled { report, topology: compiled.topology, plan: compiled.plan }
}

#[derive(Default)]
struct Stages {
    lint: Option<Lint>,
    topology: Option<Checked<Topology>>,
    plan: Option<Checked<Plan>>,
}

fn stages(document: &Document<'_>, problems: &mut Problems) -> Stages {
    let Some(topology) = Topology::from_document(document, problems) else {
        return Stages::default();
    };
    let lint = Some(topology.lint.clone());
    let Some(topology) = rules::check(topology, rules::TOPOLOGY, problems) else {
        return Stages { lint, ..Stages::default() };
    };
    let plan = rules::check(Plan::derive(&topology), rules::PLAN, problems);
    Stages { lint, topology: Some(topology), plan }
}

/// Leaves out the warnings that `[[lint.allow]]` accepts, and counts them. An entry that accepts
/// nothing is a warning itself.
fn accept(mut diagnostics: Vec<Diagnostic>, lint: Option<&Lint>) -> (Vec<Diagnostic>, usize) {
    let unused = lint.map(|lint| lint_allow_unused::unused(lint, &diagnostics));
    diagnostics.extend(unused.unwrap_or_default());
    let allows = |found: &Diagnostic| {
        let mut allowed = lint.into_iter().flat_map(|lint| &lint.allow);
        found.severity == Severity::Warning && allowed.any(|one| one.code.as_str() == found.code)
    };
    let before = diagnostics.len();
    let kept: Vec<_> = diagnostics.into_iter().filter(|found| !allows(found)).collect();
    let allowed = before - kept.len();
    (kept, allowed)
}
