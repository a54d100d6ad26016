//! The output directory: the only module that writes to it.
//!
//! # The protocol
//!
//! 1. The directory itself is locked (`flock(2)`): a writer alone, readers together. The second
//!    waits. The lock lives in the kernel, so it leaves no file and dies with its holder.
//! 2. A landing that an earlier run did not finish is finished (`landing`); staged files of a run
//!    that never reached its commit point are deleted.
//! 3. Each part is rendered, hashed and compared with the disk, in as many threads as there are
//!    cores (`survey`). What differs is staged under `.staging/` (`staging`), hence on the same
//!    file system. What stands in the way is collected and refused in one message.
//! 4. The new manifest and the journal are staged and synced. The journal's rename to
//!    `.staging/journal.json` is the commit point: before it, an error or a crash is undone; after
//!    it, it is finished by the next run.
//! 5. Files that are no longer emitted are removed, with the folders that this empties; new bytes
//!    are renamed into place; `manifest.json` comes last; then journal and staging go.
//!
//! If nothing differs, nothing is written, staged or touched.
//!
//! # What is ours
//!
//! The paths in `manifest.json`, and nothing else, are overwritten or removed. A file of ours with
//! neither the manifest's hash nor the new bytes was edited by hand: it is named, and replaced only
//! if forced. A file that is not ours is never replaced; if it already has the right bytes, it is
//! adopted. A file of ours may become a folder; a folder never makes room for a file. Symlinks
//! below the directory are never followed. The directory may be one.
//!
//! A mode is set when a file is written (0644, scripts and folders 0755, whatever the umask), and is
//! not compared: version control keeps none but the executable bit. A script that its owner cannot
//! run counts as changed; that a file system calls everything executable is no difference.
//!
//! # Power loss
//!
//! Only manifest and journal are synced. To sync each file would cost more than all the rest, for
//! bytes that the next run can make again (`cp -r` does not do it either). So a file may be found
//! torn after power loss: empty, cut short, or filled up with NUL. The manifest's hash gives it
//! away, and it must not count as edited by hand: a file of ours that holds only a beginning of the
//! new bytes is replaced without asking, since nothing is lost with it. If the topology changed as
//! well, so that the beginning is of other bytes, it is named like any edited file.

pub mod diff;
mod error;
mod ground;
mod landing;
mod manifest;
mod root;
mod staging;
mod survey;

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

pub use error::{Error, Obstacle};
pub use manifest::Manifest;
pub use meshwright_value::manifest::{Digest, MANIFEST};

use crate::artifact::Tree;
use landing::Journal;
use root::Root;
use staging::Staging;
use survey::Survey;

/// How to write.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// Replaces and removes files of ours that were edited by hand. Never foreign ones.
    pub force: bool,
}

/// How the directory differs from the tree; each list is in the order of its paths.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Files that are not there yet.
    pub added: Vec<String>,
    /// Files with other bytes.
    pub changed: Vec<String>,
    /// Files of ours that the tree no longer has.
    pub removed: Vec<String>,
    /// What a write refuses to touch, and why. After a forced write, the edits that it replaced.
    pub obstacles: BTreeMap<String, Obstacle>,
    /// How many files are as they should be.
    pub unchanged: usize,
    /// How many files the tree has, the manifest included.
    pub files: usize,
    /// How many bytes they have together.
    pub bytes: u64,
    /// Whether this write first had to finish the landing of an interrupted run.
    pub recovered: bool,
    /// Whether an interrupted run left files in `.staging` that never landed. The next write
    /// deletes them.
    pub leftover: bool,
}

impl Changes {
    /// What to do about the obstacles, if there are any.
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

/// Makes `dir` hold the tree, and creates it if it is missing (not its parents).
///
/// # Errors
///
/// Every [`Error`] but [`Error::Interrupted`]. All except [`Error::Unfinished`] leave the files as
/// they were.
pub fn write(tree: &dyn Tree, dir: &Path, options: Options) -> Result<Changes, Error> {
    let root = Root::claim(dir)?;
    let written = write_locked(tree, root.path(), options);
    if written.is_err() {
        root.abandon();
    }
    written
}

fn write_locked(tree: &dyn Tree, root: &Path, options: Options) -> Result<Changes, Error> {
    let recovered = landing::recover(root)?;
    let owned = Manifest::read(root)?;
    let staging = Staging::new(root);
    let survey = survey::take(tree, root, &owned, Some(&staging))?;
    if let Some(refused) = refusal(&survey, options) {
        return Err(Error::Refused { dir: root.to_owned(), obstacles: refused });
    }
    let mut changes = survey.changes();
    changes.recovered = recovered;
    if changes.is_empty() {
        return Ok(changes);
    }
    let journal = Journal::new(survey.placed, survey.removed);
    staging.commit(&survey.manifest, &journal)?;
    journal.land(root)?;
    Ok(changes)
}

fn refusal(survey: &Survey, options: Options) -> Option<BTreeMap<String, Obstacle>> {
    let mut refused = survey.obstacles.clone();
    refused.retain(|_, obstacle| !(options.force && *obstacle == Obstacle::Edited));
    (!refused.is_empty()).then_some(refused)
}

/// Tells how `dir` differs from the tree, and writes nothing. A missing directory is an empty one.
///
/// # Errors
///
/// [`Error::Interrupted`] if an interrupted run left the directory half new, [`Error::Manifest`],
/// [`Error::NotADirectory`], and [`Error::Io`]. Obstacles are no error here.
pub fn compare(tree: &dyn Tree, dir: &Path) -> Result<Changes, Error> {
    let root = Root::observe(dir)?;
    Ok(look(tree, root.path())?.2)
}

/// Like [`compare`], and prints the changes as a unified diff: a patch that makes `dir` the tree.
///
/// Part follows part, so that the text is never held whole; removed files and the manifest come
/// last.
///
/// # Errors
///
/// As [`compare`]; and [`Error::Io`] if `text` cannot be written.
pub fn diff(tree: &dyn Tree, dir: &Path, text: &mut dyn Write) -> Result<Changes, Error> {
    let root = Root::observe(dir)?;
    let (old, survey, changes) = look(tree, root.path())?;
    diff::print(tree, root.path(), &changes, text)?;
    if survey.manifest_differs {
        diff::print_manifest(&old, &survey.manifest, text)?;
    }
    Ok(changes)
}

fn look(tree: &dyn Tree, root: &Path) -> Result<(Manifest, Survey, Changes), Error> {
    if landing::is_pending(root) {
        return Err(Error::Interrupted { dir: root.to_owned() });
    }
    let owned = Manifest::read(root)?;
    let survey = survey::take(tree, root, &owned, None)?;
    let mut changes = survey.changes();
    match staging::exists(root) {
        Err(Error::Refused { obstacles, .. }) => changes.obstacles.extend(obstacles),
        found => changes.leftover = found?,
    }
    Ok((owned, survey, changes))
}

/// Reads `dir`, which need not exist, while nobody writes it.
///
/// # Errors
///
/// [`Error::Interrupted`] if an interrupted run left it half new: the next [`write()`] finishes it;
/// [`Error::Io`] and [`Error::NotADirectory`].
pub fn read<R>(dir: &Path, read: impl FnOnce() -> R) -> Result<R, Error> {
    let root = Root::observe(dir)?;
    if landing::is_pending(root.path()) {
        return Err(Error::Interrupted { dir: dir.to_owned() });
    }
    Ok(read())
}
