//! Scenarios: topologies of this repository, and the checks of each.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::{Arc, OnceLock};

use anyhow::{Context as _, Result};
use libtest_mimic::{Arguments, Failed, Trial};

use crate::checks::{self, LabCheck};
use crate::sandbox::{self, SandboxUse};
use crate::tree::LabTree;
use crate::world::World;

/// A topology with its checks.
pub struct Scenario {
    /// The first part of the names of its trials.
    pub name: &'static str,
    /// Its path in the repository.
    pub topology: &'static str,
    /// The checks, in this order: those that disturb the mesh are last.
    pub checks: &'static [&'static [LabCheck]],
}

/// All scenarios.
pub const ALL: &[Scenario] = &[
    Scenario {
        name: "example",
        topology: "topology.toml",
        checks: &[
            checks::mesh::ALL,
            checks::outside::ALL,
            checks::client::ALL,
            checks::change::ALL,
            checks::failure::ALL,
        ],
    },
    Scenario {
        name: "relay-and-site",
        topology: "examples/relay-and-site/topology.toml",
        checks: &[
            checks::mesh::ALL,
            checks::relay::ALL,
            checks::outside::ALL,
            checks::client::ALL,
            checks::change::ALL,
        ],
    },
    Scenario {
        name: "both-families",
        topology: "examples/both-families/topology.toml",
        checks: &[checks::families::ALL, checks::outside::ALL],
    },
    Scenario {
        name: "server-and-lan",
        topology: "examples/server-and-lan/topology.toml",
        checks: &[checks::servers::ALL, checks::networks::ALL, checks::client::ALL],
    },
];

impl Scenario {
    /// One trial for each check. The first trial brings the shared world up; if that fails, every trial
    /// fails with the reason.
    pub fn trials(&'static self) -> Vec<Trial> {
        let world = Arc::<OnceLock<Result<World, String>>>::default();
        let trial = |check: &'static LabCheck| {
            let world = Arc::clone(&world);
            let run = move || {
                let brought_up = world.get_or_init(|| self.bring_up()).as_ref();
                let world = brought_up.map_err(Failed::from)?;
                (check.run)(world).map_err(|error| Failed::from(format!("{error:#}")))
            };
            Trial::test(format!("{}::{}", self.name, check.name), run)
        };
        self.checks.iter().copied().flatten().map(trial).collect()
    }

    fn bring_up(&self) -> Result<World, String> {
        let tree = LabTree::compile_with_new_keys(&repository().join(self.topology));
        let world = tree.and_then(|tree| World::bring_up(self.name, tree));
        world
            .inspect(World::await_steady_state)
            .map_err(|error| format!("the mesh does not come up: {error:#}"))
    }
}

/// The check with a name.
///
/// # Errors
///
/// When no check has that name.
pub fn find_check(name: &str) -> Result<&'static LabCheck> {
    let mut checks = ALL.iter().flat_map(|scenario| scenario.checks).copied().flatten();
    checks.find(|check| check.name == name).with_context(|| format!("no check {name}"))
}

/// The scenario of a topology.
///
/// # Errors
///
/// When no scenario uses it.
pub fn for_topology(topology: &str) -> Result<&'static Scenario> {
    let found = ALL.iter().find(|scenario| scenario.topology == topology);
    found.with_context(|| format!("the lab has no scenario for {topology}"))
}

/// Runs the checks of all scenarios one after the other: the checks of a scenario share a world.
#[must_use]
pub fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    arguments.test_threads = Some(1);
    let trials = || ALL.iter().flat_map(Scenario::trials).collect();
    sandbox::main(&arguments, SandboxUse::Shared, trials)
}

/// The root of the repository.
#[must_use]
pub fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}
