//! The pipeline as one function: text in, report and plan out.

use crate::check::{Checked, check};
use crate::diagnostic::{Diagnostic, Problems, Report};
use crate::document::Document;
use crate::lint;
use crate::plan::Plan;
use crate::render::Rendering;
use crate::rules;
use crate::rules::output::Output;
use crate::source::Source;
use crate::topology::Topology;

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
    let diagnostics = problems.into_diagnostics();
    let (diagnostics, allowed) = match &topology {
        Some(topology) => lint::accept(diagnostics, &topology.lint),
        None => (diagnostics, 0),
    };
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
    rules::topology::propose_ids(&topology, problems);
    let topology_rules = rules::topology::rules().chain([&lint::UNKNOWN]);
    match check(topology, topology_rules, problems) {
        Ok(topology) => {
            let plan = check(Plan::derive(&topology), rules::plan::RULES, problems).ok();
            let plan = plan.filter(|plan| {
                let output = Output::measure(&Rendering::new(plan));
                check(output, rules::output::RULES, problems).is_ok()
            });
            (Some(topology.into_inner()), plan)
        }
        Err(topology) => (Some(topology), None),
    }
}
