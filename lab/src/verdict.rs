//! The lab's verdict on a tree that may be broken: the first check that fails, or that all pass.

use std::time::Duration;

use crate::checks::LabCheck;
use crate::scenario::Scenario;
use crate::tree::LabTree;
use crate::world::{self, World};

/// How long a check waits in a mesh that may be broken. A working mesh needs at most 5 s.
pub const TIMEOUT: Duration = Duration::from_secs(8);

/// A check that fails is run once more, with the timeout of a working mesh: on a busy machine an answer
/// can be late, and a peer behind NAT starts a handshake with a restarted node only after 15 s.
const ATTEMPTS: [Duration; 2] = [TIMEOUT, world::TIMEOUT];

/// Checks that take long or change the tree. For a single tree, the others show the same faults.
const SLOW: &[&str] = &[
    "unresolved-endpoint-at-boot",
    "next-address-of-a-name",
    "node-removed-and-added",
    "before-the-first-pod",
    "node-failure",
    "start-with-dead-peer",
];

/// Why the lab refuses a tree.
#[derive(Debug)]
pub struct Refusal {
    /// The name of the check that fails, or `bring-up`.
    pub check: &'static str,
    /// Its message.
    pub reason: String,
}

/// The quick checks of a scenario.
pub fn quick_checks(scenario: &Scenario) -> impl Iterator<Item = &'static LabCheck> + use<> {
    let checks = scenario.checks.iter().copied().flatten();
    checks.filter(|check| !SLOW.contains(&check.name))
}

/// Brings a tree up and returns the first quick check that fails.
#[must_use]
pub fn find_refusal(scenario: &Scenario, tree: LabTree) -> Option<Refusal> {
    let mut world = match World::bring_up(scenario.name, tree) {
        Ok(world) => world,
        Err(error) => return Some(Refusal { check: "bring-up", reason: format!("{error:#}") }),
    };
    world.timeout = TIMEOUT;
    world.await_steady_state();
    quick_checks(scenario).find_map(|check| {
        let mut last = None;
        for timeout in ATTEMPTS {
            world.timeout = timeout;
            last = Some((check.run)(&world).err()?);
        }
        last.map(|error| Refusal { check: check.name, reason: format!("{error:#}") })
    })
}
