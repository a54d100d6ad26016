//! The checks. Each has a name, expects one property, and reports what it found instead.

pub mod change;
pub mod client;
pub mod failure;
pub mod families;
pub mod mesh;
pub mod networks;
pub mod outside;
pub mod relay;
pub mod servers;

use anyhow::{Context as _, Result};

use crate::node::LabNode;
use crate::world::World;

/// A property that must hold.
pub struct LabCheck {
    /// Its name. Each broken tree names the check that must fail.
    pub name: &'static str,
    /// Runs it.
    pub run: fn(&World) -> Result<()>,
}

/// Fails with all failures at once, so that the message shows their pattern and not only the first.
fn none_failed(failures: impl IntoIterator<Item = String>) -> Result<()> {
    let failed: Vec<_> = failures.into_iter().collect();
    anyhow::ensure!(failed.is_empty(), "{} failed: {}", failed.len(), failed.join("; "));
    Ok(())
}

/// The first two nodes, for a check that needs one pair.
fn first_pair(world: &World) -> Result<(&LabNode, &LabNode)> {
    world.pairs().next().context("the mesh has one node")
}
