//! Emitted files that are damaged on purpose, and the check that must fail for each.

use anyhow::Result;

use super::delivery_archive;

/// One emitted text that is replaced.
#[derive(Debug)]
pub struct ClusterDamage {
    /// Its name.
    pub name: &'static str,
    /// The node whose delivery it is in.
    pub node: &'static str,
    /// The path on the host, without the leading slash.
    pub path: &'static str,
    /// The emitted text.
    pub original: &'static str,
    /// What the host gets instead.
    pub replacement: &'static str,
    /// The check that must fail.
    pub check: &'static str,
    /// A part of its message.
    pub reason: &'static str,
}

impl ClusterDamage {
    /// The damaged delivery.
    ///
    /// # Errors
    ///
    /// When the emitted file does not contain the text exactly once.
    pub fn apply(&self, delivery: &[u8]) -> Result<Vec<u8>> {
        delivery_archive::replace(delivery, self.path, self.original, self.replacement)
    }
}
