//! The output directory: the only module that writes to it.
//!
//! # The protocol
//!
//! 1. The directory itself is locked (`flock(2)`): a writer alone, readers together. The second
//!    waits. The kernel holds the lock, so it leaves no file and ends with its process.
//! 2. A commit that an earlier run did not finish is finished (`commit`); staged files of a run
//!    that never reached its commit point are deleted.
//! 3. Each part is rendered, hashed and compared with the disk, in as many threads as there are
//!    cores (`diff`). Files that differ are staged under `.staging/` (`staging`), hence on the same
//!    file system. All obstacles are collected and refused in one message.
//! 4. The new manifest and the journal are staged and synced. The journal's rename to
//!    `.staging/journal.json` is the commit point: an error or a crash before it is undone; after
//!    it, the next run finishes the commit.
//! 5. Files that are no longer emitted are removed, with the folders that this empties; new bytes
//!    are renamed into place, `manifest.json` last; then the journal and the staging folder are
//!    removed.
//!
//! If nothing differs, nothing is written, staged or touched.
//!
//! # Files that are ours
//!
//! Only the paths in `manifest.json` are ours: only they are overwritten or removed. A file of ours
//! with neither the manifest's hash nor the new bytes was edited by hand: it is named, and replaced
//! only if forced. A file that is not ours is never replaced; if it already has the right bytes, it
//! is adopted. A directory with files and without a manifest is refused, unless it is to be adopted.
//! A file of ours may be replaced by a folder, but never a folder by a file. Symlinks
//! below the directory are never followed. The directory itself may be a symlink.
//!
//! A mode is set when a file is written (0644, scripts and folders 0755, whatever the umask), and
//! is not compared: version control keeps only the executable bit. A script that its owner cannot
//! execute counts as changed. An executable file that is not a script does not count as changed:
//! some file systems mark every file as executable.
//!
//! # Power loss
//!
//! Only the manifest and the journal are synced. To sync each file would take longer than the rest
//! of the run, for bytes that the next run can generate again (`cp -r` does not sync either). So
//! power loss may leave a torn file: empty, truncated, or padded with NUL. Its hash differs from
//! the manifest's, but it must not count as edited by hand: a file of ours that holds only a prefix
//! of the new bytes is replaced without `--force`, since nothing is lost. If the topology changed
//! as well, the prefix is of other bytes, and the file is named like any edited file.

mod commit;
mod diff;
mod disk_state;
mod error;
mod manifest;
mod root;
mod staging;
pub mod unified_diff;

use std::collections::BTreeMap;
use std::fs;
use std::io::{ErrorKind, Write};
use std::path::Path;

pub use error::{Obstacle, OutError};
pub use manifest::OutManifest;
pub use meshwright_value::manifest::{MANIFEST, STAGING};

use crate::artifact::Tree;
use commit::Journal;
use diff::Diff;
use root::Root;
use staging::Staging;

/// How to write.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// Replaces and removes files of ours that were edited by hand. Never foreign ones.
    pub force: bool,
    /// Uses a directory that contains files and no manifest. Such a directory is probably another one
    /// than the user meant.
    pub adopt: bool,
}

/// The differences between the directory and the tree; each list is sorted by path.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Files that do not exist yet.
    pub added: Vec<String>,
    /// Files with other bytes.
    pub changed: Vec<String>,
    /// Our files that the tree no longer has.
    pub removed: Vec<String>,
    /// Paths that a write refuses to change, and why. After a forced write, the edits that it
    /// replaced.
    pub obstacles: BTreeMap<String, Obstacle>,
    /// How many files do not change.
    pub unchanged: usize,
    /// How many files the tree has, the manifest included.
    pub files: usize,
    /// How many bytes they have together.
    pub bytes: u64,
    /// Whether this write first finished the commit of an interrupted run.
    pub recovered: bool,
    /// Whether an interrupted run left files in `.staging` before its commit point. The next write
    /// deletes them.
    pub leftover: bool,
}

impl Changes {
    /// A proposal for the obstacles, if there are any.
    #[must_use]
    pub fn advice(&self) -> Option<String> {
        (!self.obstacles.is_empty()).then(|| error::advice(&self.obstacles))
    }

    /// Whether the directory is exactly the tree.
    pub fn is_empty(&self) -> bool {
        self.added.is_empty()
            && self.changed.is_empty()
            && self.removed.is_empty()
            && self.obstacles.is_empty()
    }
}

/// Writes the tree to `dir`, and creates `dir` if it is missing (not its parents).
///
/// # Errors
///
/// Every [`OutError`] but [`OutError::Interrupted`]. All except [`OutError::Unfinished`] leave the
/// files as they were.
pub fn write(tree: &dyn Tree, dir: &Path, options: Options) -> Result<Changes, OutError> {
    let root = Root::claim(dir)?;
    let written = write_locked(tree, root.path(), options);
    if written.is_err() {
        root.abandon();
    }
    written
}

fn write_locked(tree: &dyn Tree, root: &Path, options: Options) -> Result<Changes, OutError> {
    let recovered = commit::recover(root)?;
    let owned = OutManifest::read(root)?;
    refuse_foreign(root, &owned, options)?;
    let staging = Staging::new(root);
    let diff = diff::compute(tree, root, &owned, Some(&staging))?;
    if let Some(refused) = refused_obstacles(&diff, options) {
        return Err(OutError::Refused { dir: root.to_owned(), obstacles: refused });
    }
    let mut changes = diff.changes();
    changes.recovered = recovered;
    if changes.is_empty() {
        return Ok(changes);
    }
    let journal = Journal::new(diff.placed, diff.removed);
    staging.commit(&diff.manifest, &journal)?;
    journal.complete(root)?;
    Ok(changes)
}

/// Refuses a directory that has files and no manifest.
fn refuse_foreign(root: &Path, owned: &OutManifest, options: Options) -> Result<(), OutError> {
    if options.adopt || owned.source().is_some() {
        return Ok(());
    }
    let entries = match fs::read_dir(root) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        entries => entries.map_err(OutError::io("read", root))?,
    };
    for entry in entries {
        let name = entry.map_err(OutError::io("read", root))?.file_name();
        // A repository of its own, `.gitkeep`, or the files of a killed first run.
        let is_expected = name == STAGING || name.as_encoded_bytes().starts_with(b".git");
        if !is_expected {
            return Err(OutError::Foreign { dir: root.to_owned() });
        }
    }
    Ok(())
}

fn refused_obstacles(diff: &Diff, options: Options) -> Option<BTreeMap<String, Obstacle>> {
    let mut refused = diff.obstacles.clone();
    refused.retain(|_, obstacle| !(options.force && *obstacle == Obstacle::Edited));
    (!refused.is_empty()).then_some(refused)
}

/// Returns the differences between `dir` and the tree, and writes nothing. A missing directory
/// counts as empty.
///
/// # Errors
///
/// [`OutError::Interrupted`] if an interrupted run left the directory half written,
/// [`OutError::Manifest`], [`OutError::NotADirectory`], [`OutError::Foreign`], and [`OutError::Io`].
/// Obstacles are not an error here.
pub fn compare(tree: &dyn Tree, dir: &Path, options: Options) -> Result<Changes, OutError> {
    let root = Root::observe(dir)?;
    Ok(read_changes(tree, root.path(), options)?.2)
}

/// Like [`compare`], and prints the changes as a unified diff: a patch that makes `dir` the tree.
///
/// The parts are printed one after another, so that the whole text is never in memory. Removed
/// files and the manifest come last.
///
/// # Errors
///
/// As [`compare`]; and [`OutError::Io`] if `text` cannot be written.
pub fn print_diff(
    tree: &dyn Tree,
    dir: &Path,
    options: Options,
    text: &mut dyn Write,
) -> Result<Changes, OutError> {
    let root = Root::observe(dir)?;
    let (old, diff, changes) = read_changes(tree, root.path(), options)?;
    unified_diff::print(tree, root.path(), &changes, text)?;
    if diff.manifest_differs {
        unified_diff::print_manifest(&old, &diff.manifest, text)?;
    }
    Ok(changes)
}

fn read_changes(
    tree: &dyn Tree,
    root: &Path,
    options: Options,
) -> Result<(OutManifest, Diff, Changes), OutError> {
    if commit::is_pending(root) {
        return Err(OutError::Interrupted { dir: root.to_owned() });
    }
    let owned = OutManifest::read(root)?;
    refuse_foreign(root, &owned, options)?;
    let diff = diff::compute(tree, root, &owned, None)?;
    let mut changes = diff.changes();
    match staging::exists(root) {
        Err(OutError::Refused { obstacles, .. }) => changes.obstacles.extend(obstacles),
        found => changes.leftover = found?,
    }
    Ok((owned, diff, changes))
}

/// Reads `dir` while no other run writes it. It need not exist.
///
/// # Errors
///
/// [`OutError::Interrupted`] if an interrupted run left it half written: the next [`write()`]
/// finishes it; [`OutError::Io`] and [`OutError::NotADirectory`].
pub fn read<R>(dir: &Path, read: impl FnOnce() -> R) -> Result<R, OutError> {
    let root = Root::observe(dir)?;
    if commit::is_pending(root.path()) {
        return Err(OutError::Interrupted { dir: dir.to_owned() });
    }
    Ok(read())
}
