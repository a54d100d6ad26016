//! `meshwright upgrade`: changes the version of Kubernetes in the topology.

use clap::Args;

use super::Status;
use super::argument::{parse, quoted};
use super::edited::{EditOptions, EditedTopology};
use super::failure::Failure;
use super::session::Session;
use meshwright_change::refusals::version;
use meshwright_value::Version;

const EXAMPLES: &str = "\
Examples:
  meshwright upgrade --to 1.37.3
  meshwright upgrade --to 1.38.0 --dry-run     # print the change, and the warnings about this version";

/// Change the Kubernetes version in topology.toml
///
/// Edits `kubernetes_version` in topology.toml in place. The versions that follow from it (packages, the
/// image of pods' sandboxes, CoreDNS) are derived by `generate`; `version` of `[calico]` is not changed,
/// and a combination that was not tested is a warning. A downgrade is refused, and so are two minor
/// versions at once. Upgrades no machine: `meshwright plan` prints the steps for each node.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Upgrade {
    /// The new version
    #[arg(long, value_name = "VERSION", value_parser = parse::<Version>)]
    to: Version,
    #[command(flatten)]
    options: EditOptions,
}

impl Upgrade {
    pub(super) fn run(&self, session: &mut Session<'_>) -> Result<Status, Failure> {
        let Some(mut edited) = EditedTopology::open(session)? else { return Ok(Status::Findings) };
        let (before, after) = (edited.topology.cluster.kubernetes_version, self.to);
        if before == after {
            session.info(format_args!("`kubernetes_version` is {after} already"))?;
            return Ok(Status::Clean);
        }
        if let Some(refusal) = version::refusal(before, after) {
            return Err(Failure::usage(
                format!("{}: {}", refusal.message, refusal.effect),
                refusal.help,
            ));
        }
        let at = edited.topology.cluster.origin.key("kubernetes_version");
        edited.draft.set(&at, &quoted(after));
        let done = format!("`kubernetes_version` changed from {before} to {after}");
        edited.finish(&self.options, &[done], session)
    }
}
