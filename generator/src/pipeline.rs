//! The pipeline as one function: text in, report and plan out.

use crate::diagnostic::{Diagnostic, Problems, Report, Severity};
use crate::document::{Document, Source};
use crate::plan::Plan;
use crate::rules::{self, Checked, lint_allow_unused};
use crate::topology::{Lint, Topology};

/// What came of one topology.
pub struct Compiled {
    /// Everything that was found, in all stages that could run.
    pub report: Report,
    /// The topology as far as it could be read, whatever is wrong with it.
    pub topology: Option<Topology>,
    /// The plan, unless an error was found.
    pub plan: Option<Checked<Plan>>,
}

/// Runs every stage before rendering. A stage with an error ends the run after reporting all of
/// its errors.
#[must_use]
pub fn compile(source: &Source) -> Compiled {
    let (document, syntax) = Document::parse(source);
    compile_document(&document, syntax)
}

/// [`compile`] for a reader that locates findings of its own in the document.
#[must_use]
pub fn compile_document(document: &Document<'_>, syntax: Vec<Diagnostic>) -> Compiled {
    let mut problems = Problems::new(syntax);
    let (topology, plan) = stages(document, &mut problems);
    let lint = topology.as_ref().map(|topology| &topology.lint);
    let (diagnostics, allowed) = accept(problems.into_diagnostics(), lint);
    let located = diagnostics.into_iter().map(|found| document.locate(found)).collect();
    let report = Report::new(document.source().clone(), located, allowed);
    Compiled { report, topology, plan }
}

fn stages(
    document: &Document<'_>,
    problems: &mut Problems,
) -> (Option<Topology>, Option<Checked<Plan>>) {
    if problems.has_errors() {
        return (None, None);
    }
    let Some(topology) = Topology::from_document(document, problems) else { return (None, None) };
    rules::propose_ids(&topology, problems);
    match rules::check(topology, rules::TOPOLOGY, problems) {
        Ok(topology) => {
            let plan = rules::check(Plan::derive(&topology), rules::PLAN, problems).ok();
            (Some(topology.into_inner()), plan)
        }
        Err(topology) => (Some(topology), None),
    }
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
