//! `meshwright check`: all diagnostics, nothing written.

use clap::Args;

use super::Status;
use super::failure::Failure;
use super::session::{Session, count, members};
use crate::diagnostic::{Report, Severity};
use crate::pipeline;
use crate::topology::Topology;

const EXAMPLES: &str = "\
Examples:
  meshwright check
  meshwright check --strict --format github    # in CI: beside the lines of a pull request";

/// Check the topology and report everything that is wrong with it
///
/// Reads topology.toml, derives the whole plan, and reports every error and warning at the line
/// that causes it. Nothing is written. `meshwright explain CODE` tells more about a finding, and
/// `[[lint.allow]]` accepts a warning.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Check {
    /// Let warnings fail, too
    #[arg(long)]
    strict: bool,
}

impl Check {
    pub(super) fn run(&self, session: &mut Session<'_>) -> Result<Status, Failure> {
        let compiled = pipeline::compile(&session.source()?);
        let failed = session.report(&compiled.report)?;
        if let (Some(topology), []) = (&compiled.topology, &*compiled.report.diagnostics) {
            session.talk(praise(topology, &compiled.report))?;
        }
        let warned = compiled.report.count(Severity::Warning) > 0;
        Ok(Status::findings(failed || self.strict && warned))
    }
}

fn praise(topology: &Topology, report: &Report) -> String {
    let members = members(topology.nodes.len(), topology.clients.len());
    let accepted = match report.allowed {
        0 => String::new(),
        allowed => format!(", {} accepted by [[lint.allow]]", count(allowed, "warning")),
    };
    format!("{}: ok, {members}{accepted}", report.source.name)
}
