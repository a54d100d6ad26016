//! The pipeline as one function: text in, report and plan out.

use crate::check::{Checked, check};
use crate::diagnostic::{Problems, Report};
use crate::document::Document;
use crate::lint;
use crate::plan::Plan;
use crate::render::Rendering;
use crate::rules;
use crate::rules::output::OutputSizes;
use crate::source::Source;
use crate::topology::Topology;

/// The result of compiling one text.
#[derive(Debug)]
pub struct Compilation {
    /// The text as it was parsed: later findings are located in it, and edits are made in it.
    pub document: Document,
    /// Everything that was found, in all stages that could run.
    pub report: Report,
    /// The topology as far as it could be read, even if errors were found.
    pub topology: Option<Topology>,
    /// The plan, unless an error was found.
    pub plan: Option<Checked<Plan>>,
}

/// Runs every stage before rendering. A stage with an error ends the run after reporting all of
/// its errors.
#[must_use]
pub fn compile(source: Source) -> Compilation {
    let (document, syntax) = Document::parse(source);
    let mut problems = Problems::new(syntax);
    let (topology, plan) = stages(&document, &mut problems);
    let found = problems.into_diagnostics();
    let (diagnostics, allowed) = match &topology {
        Some(topology) => lint::accept(found, &topology.lint),
        None => (found, 0),
    };
    let report = document.report(diagnostics, allowed);
    Compilation { document, report, topology, plan }
}

fn stages(
    document: &Document,
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
                let output = OutputSizes::measure(&Rendering::new(plan));
                check(output, rules::output::RULES, problems).is_ok()
            });
            (Some(topology.into_inner()), plan)
        }
        Err(topology) => (Some(topology), None),
    }
}
