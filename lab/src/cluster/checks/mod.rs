//! What must work in a cluster. Each check has a name, and is an entry of a table.

pub mod access;
pub mod change;
pub mod control_planes;
pub mod fleet;
pub mod founding;
pub mod hardening;
pub mod power;
pub mod reachability;
pub mod restore;
pub mod upgrade;

use anyhow::Result;

use self::access::{CommandOutput, CommandPlace};
use self::reachability::{Expected, Sender, Target};
use super::founding::Cluster;

/// A check.
pub struct ClusterCheck {
    /// The name of its trial.
    pub name: &'static str,
    /// What it does.
    pub step: CheckStep,
}

/// What a check does.
pub enum CheckStep {
    /// Each sender calls each address of a kind.
    Reach(Sender, Target, Expected),
    /// A command prints what is expected.
    Command(CommandPlace, &'static str, CommandOutput),
    /// Several steps.
    Procedure(fn(&mut Cluster) -> Result<()>),
}

impl ClusterCheck {
    /// Runs it.
    ///
    /// # Errors
    ///
    /// What was found instead of the expected result.
    pub fn run(&self, cluster: &mut Cluster) -> Result<()> {
        match self.step {
            CheckStep::Reach(from, to, expected) => reachability::run(cluster, from, to, expected),
            CheckStep::Command(place, command, output) => {
                access::run(cluster, place, command, output)
            }
            CheckStep::Procedure(run) => run(cluster),
        }
    }
}

/// Fails with all failures at once, so that the message shows their pattern.
fn none_failed(failures: Vec<String>) -> Result<()> {
    anyhow::ensure!(failures.is_empty(), "{} failed: {}", failures.len(), failures.join("; "));
    Ok(())
}
