//! Tests of the lab: deliberately broken trees, each with the check that must fail and a part of its
//! message. A check that cannot fail proves nothing.

mod broken;
mod edit;
mod harmless;

use std::process::ExitCode;

use anyhow::{Context as _, Result, bail, ensure};
use libtest_mimic::Trial;

pub use self::broken::ALL;
pub use self::harmless::{HARMLESS, HarmlessTree};
use crate::sandbox::{self, SandboxUse};
use crate::scenario::{self, repository};
use crate::tree::LabTree;
use crate::verdict::TIMEOUT;
use crate::world::World;

/// One broken tree.
pub struct Mutant {
    /// Names the fault.
    pub name: &'static str,
    /// The topology whose tree is broken.
    topology: &'static str,
    /// Puts the fault into a tree.
    breaks: fn(&mut LabTree) -> Result<()>,
    /// The check that must fail.
    caught_by: &'static str,
    /// What its message must contain.
    reason: &'static str,
}

/// Faults that no emitted file contains: `prove` cannot see them.
pub const NOT_IN_FILES: &[&str] = &["wrong-key"];

const EXAMPLE: &str = "topology.toml";
const HOMES: &str = "examples/relay-and-site/topology.toml";
const SERVERS: &str = "examples/server-and-lan/topology.toml";
const FAMILIES: &str = "examples/both-families/topology.toml";

/// How often a check is run until it fails. A check that expects no answer waits for a fixed time, and
/// with six worlds on one machine an answer can arrive later.
const ATTEMPTS: usize = 3;

impl Mutant {
    /// The trial of one mutant.
    pub fn trial(&'static self) -> Trial {
        sandbox::trial(self.name.to_owned(), || self.is_caught())
    }

    fn is_caught(&self) -> Result<()> {
        let mut tree = LabTree::compile_with_new_keys(&repository().join(self.topology))?;
        (self.breaks)(&mut tree)?;
        let mut world = World::bring_up("example", tree).context("bring-up")?;
        world.timeout = TIMEOUT;
        world.await_steady_state();
        let check = scenario::find_check(self.caught_by)?;
        let Some(error) = (0..ATTEMPTS).find_map(|_| (check.run)(&world).err()) else {
            bail!("{} passes", self.caught_by);
        };
        let message = format!("{error:#}");
        ensure!(
            message.contains(self.reason),
            "{} fails for another reason: {message}",
            self.caught_by
        );
        Ok(())
    }

    /// The broken tree, with the keys of its topology.
    ///
    /// # Errors
    ///
    /// When the fault does not apply to the tree.
    pub fn tree(&self) -> Result<LabTree> {
        let mut tree = LabTree::compile_as_written(&repository().join(self.topology))?;
        (self.breaks)(&mut tree)?;
        Ok(tree)
    }
}

/// Runs several mutants in parallel: they mostly wait.
#[must_use]
pub fn main() -> ExitCode {
    let mut arguments = libtest_mimic::Arguments::from_args();
    arguments.test_threads = arguments.test_threads.or(Some(6));
    let trials = || {
        let broken = ALL.iter().map(Mutant::trial);
        broken.chain(HARMLESS.iter().map(HarmlessTree::trial)).collect()
    };
    sandbox::main(&arguments, SandboxUse::PerTrial, trials)
}
