//! What the lab says of a tree that may be broken: the first check that fails, or that all pass.

use std::time::Duration;

use crate::checks::LabCheck;
use crate::scenario::Scenario;
use crate::tree::LabTree;
use crate::world::{self, World};

/// How long a mesh that may be broken is waited for. A whole one needs 5 s at the most.
pub const PATIENCE: Duration = Duration::from_secs(8);

/// A check that fails is tried once more, with the patience that a whole mesh gets: on a busy machine
/// an answer can be late, and a peer behind NAT calls a restarted node only after 15 s.
const ATTEMPTS: [Duration; 2] = [PATIENCE, world::PATIENCE];

/// Checks that take long, or change the tree: what they show, others show of one tree alone.
const SLOW: &[&str] = &[
    "named-endpoint-dead-at-boot",
    "node-removed-and-added-live",
    "before-the-first-pod",
    "node-lost",
    "peer-dead-at-start",
];

/// Why the lab refuses a tree.
#[derive(Debug)]
pub struct Refusal {
    /// The check that fails, or `bring-up`.
    pub check: &'static str,
    /// What it says.
    pub because: String,
}

/// The checks of a scenario that are quick.
pub fn quick(scenario: &Scenario) -> impl Iterator<Item = &'static LabCheck> + use<> {
    let checks = scenario.checks.iter().copied().flatten();
    checks.filter(|check| !SLOW.contains(&check.name))
}

/// Brings a tree up and says which quick check it fails first.
#[must_use]
pub fn refusal(scenario: &Scenario, tree: LabTree) -> Option<Refusal> {
    let world = World::bring_up(scenario.name, tree);
    let mut world = match world {
        Ok(world) => world,
        Err(error) => return Some(Refusal { check: "bring-up", because: format!("{error:#}") }),
    };
    world.patience = PATIENCE;
    world.settle();
    quick(scenario).find_map(|check| {
        let mut last = None;
        for patience in ATTEMPTS {
            world.patience = patience;
            last = Some((check.run)(&world).err()?);
        }
        last.map(|error| Refusal { check: check.name, because: format!("{error:#}") })
    })
}
