//! What must hold, each by its own name. A check expects one thing and says what it saw instead.

pub mod change;
pub mod client;
pub mod failure;
pub mod mesh;
pub mod outside;
pub mod relay;

use anyhow::Result;

use crate::world::World;

/// One thing that must hold.
pub struct LabCheck {
    /// Its name; broken trees are listed with the check that must catch them.
    pub name: &'static str,
    /// Tries it.
    pub run: fn(&World) -> Result<()>,
}

/// Collects what failed of many, so that the message shows the pattern and not the first case.
fn none_failed(failed: impl IntoIterator<Item = String>) -> Result<()> {
    let failed: Vec<_> = failed.into_iter().collect();
    anyhow::ensure!(failed.is_empty(), "{} failed: {}", failed.len(), failed.join("; "));
    Ok(())
}
