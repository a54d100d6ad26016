//! The pipeline as one function: text in, report and plan out.

use std::sync::Arc;

use crate::check::{Checked, check};
use crate::diagnostic::{Problems, Report};
use crate::document::Document;
use crate::lint;
use crate::overlay::Overlay;
use crate::plan::{Assignments, Plan};
use crate::render::Rendering;
use crate::rules;
use crate::rules::output::OutputSizes;
use crate::source::Source;
use crate::topology::Topology;
use crate::topology::versions::Versions;

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
    /// The versions that it was compiled with.
    pub versions: Arc<Versions>,
}

/// The rules accepted a topology that lacks a value which they guarantee.
#[derive(Debug, thiserror::Error)]
#[error("no rule reported an error, but an address, a pod block, a key or a node is missing")]
pub struct RuleGap;

/// Runs every stage before rendering. A stage with an error ends the run after reporting all of
/// its errors.
///
/// # Errors
///
/// When a rule has a gap: a bug, whatever the topology contains.
pub fn compile(source: Source) -> Result<Compilation, RuleGap> {
    compile_with(source, Vec::new(), Versions::built_in())
}

/// [`compile`] with the manifests that are beside the topology, in the order of their names, and with other versions
/// than those that are compiled in.
///
/// # Errors
///
/// When a rule has a gap.
pub fn compile_with(
    source: Source,
    overlays: Vec<Overlay>,
    versions: Arc<Versions>,
) -> Result<Compilation, RuleGap> {
    let (document, syntax) = Document::parse(source);
    let mut problems = Problems::new(syntax);
    let (topology, plan) = run_stages(&document, overlays, Arc::clone(&versions), &mut problems)?;
    let found = problems.into_diagnostics();
    let (diagnostics, allowed) = match &topology {
        Some(topology) => lint::accept(found, &topology.lint),
        None => (found, 0),
    };
    let report = document.report(diagnostics, allowed);
    Ok(Compilation { document, report, topology, plan, versions })
}

type Stages = (Option<Topology>, Option<Checked<Plan>>);

fn run_stages(
    document: &Document,
    overlays: Vec<Overlay>,
    versions: Arc<Versions>,
    problems: &mut Problems,
) -> Result<Stages, RuleGap> {
    if problems.has_errors() {
        return Ok((None, None));
    }
    let read = Topology::from_document(document, problems);
    rules::topology::propose_patches(&versions, document, problems);
    let Some(read) = read else { return Ok((None, None)) };
    let unchecked = Topology { versions, ..read };
    rules::topology::propose_ids(&unchecked, problems);
    let topology_rules = rules::topology::rules().chain([&lint::UNKNOWN]);
    let topology = match check(unchecked, topology_rules, problems) {
        Ok(topology) => topology,
        Err(topology) => return Ok((Some(topology), None)),
    };
    let assignments = Assignments::from_topology(&topology).ok_or(RuleGap)?;
    let plan = Plan { overlays, ..Plan::derive(&assignments) };
    let checked = check(plan, rules::plan::RULES, problems).ok();
    let plan = checked.filter(|plan| {
        let output = OutputSizes::measure(&Rendering::new(plan));
        check(output, rules::output::RULES, problems).is_ok()
    });
    Ok((Some(topology.into_inner()), plan))
}
