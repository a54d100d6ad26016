//! The lab judges itself: trees that are broken on purpose, each with the check that must catch it and
//! words of the reason. A check that passes whatever it is given proves nothing.

mod broken;
mod edit;
mod harmless;

use std::process::{ExitCode, Stdio};

use anyhow::{Context as _, Result, bail, ensure};
use libtest_mimic::{Failed, Trial};

pub use self::broken::ALL;
pub use self::harmless::{HARMLESS, HarmlessTree};
use crate::sandbox::{self, SandboxUse};
use crate::scenario::{self, repository};
use crate::tree::LabTree;
use crate::verdict::PATIENCE;
use crate::world::World;

/// One broken tree.
pub struct Mutant {
    /// What is wrong with it.
    pub name: &'static str,
    /// The topology that it is made from.
    topology: &'static str,
    /// Breaks it.
    breaks: fn(&mut LabTree) -> Result<()>,
    /// The check that must fail.
    caught_by: &'static str,
    /// What its message must contain.
    because: &'static str,
}

/// What stands in no file: a proof from files cannot see it.
pub const IN_NO_FILE: &[&str] = &["wrong-key"];

const EXAMPLE: &str = "topology.toml";
const HOMES: &str = "examples/relay-and-site/topology.toml";

/// How often a check may look. What must not be reached is tried with a time-out, and on a machine
/// that is busy with six worlds an answer can be later than that.
const ATTEMPTS: usize = 3;

impl Mutant {
    /// The trial of one mutant.
    pub fn trial(&'static self) -> Trial {
        trial(self.name, || self.is_caught())
    }

    fn is_caught(&self) -> Result<()> {
        let mut tree = LabTree::of(&repository().join(self.topology))?;
        (self.breaks)(&mut tree)?;
        let mut world = World::bring_up("example", tree).context("bring-up")?;
        world.patience = PATIENCE;
        world.settle();
        let check = scenario::check(self.caught_by)?;
        let Some(error) = (0..ATTEMPTS).find_map(|_| (check.run)(&world).err()) else {
            bail!("{} passes", self.caught_by);
        };
        let said = format!("{error:#}");
        ensure!(said.contains(self.because), "{} fails for another reason: {said}", self.caught_by);
        Ok(())
    }

    /// The broken tree, with the keys of its topology.
    ///
    /// # Errors
    ///
    /// When there is nothing to break.
    pub fn tree(&self) -> Result<LabTree> {
        let mut tree = LabTree::as_written(&repository().join(self.topology))?;
        (self.breaks)(&mut tree)?;
        Ok(tree)
    }
}

/// Outside it starts a sandbox for itself, so that several are tried at once; inside it brings its
/// tree up.
fn trial(name: &'static str, judge: impl Fn() -> Result<()> + Send + 'static) -> Trial {
    let run = move || if sandbox::is_inside() { judge() } else { try_inside(name) };
    Trial::test(name, move || run().map_err(|error| Failed::from(format!("{error:#}"))))
}

fn try_inside(name: &str) -> Result<()> {
    let arguments = ["--exact", "--quiet", name].map(str::to_owned);
    let mut inside = sandbox::start(arguments, Stdio::piped)?;
    let _lifeline = inside.stdin.take();
    let output = inside.wait_with_output()?;
    let said = String::from_utf8_lossy(&output.stdout);
    ensure!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}

/// Tries several mutants at once: they wait more than they work.
#[must_use]
pub fn main() -> ExitCode {
    let mut arguments = libtest_mimic::Arguments::from_args();
    arguments.test_threads = arguments.test_threads.or(Some(6));
    let trials = || {
        let broken = ALL.iter().map(Mutant::trial);
        broken.chain(HARMLESS.iter().map(HarmlessTree::trial)).collect()
    };
    sandbox::main(&arguments, SandboxUse::Apart, trials)
}
