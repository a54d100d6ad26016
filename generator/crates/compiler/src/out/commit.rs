//! The commit: from the commit point to the finished directory, in steps that can be repeated.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{self, ErrorKind};
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::diff::{Placed, read};
use super::disk_state::{DiskReader, DiskState};
use super::error::{Obstacle, OutError};
use super::manifest::OutManifest;
use super::{MANIFEST, staging};
use meshwright_value::Sha256;
use meshwright_value::manifest;

/// The name of the journal in the staging folder.
pub(super) const JOURNAL: &str = "journal.json";

const SCHEMA_VERSION: u32 = 1;

/// The changes of a commit. With the journal and the staged files, any later run can finish it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Journal {
    schema_version: u32,
    place: BTreeMap<String, Placed>,
    /// Files to remove, with the hash that they have.
    remove: BTreeMap<String, Sha256>,
}

/// One step of a commit. After a crash in its middle, a repeated step has the same result.
#[derive(Debug, PartialEq, Eq)]
enum CommitStep<'a> {
    Remove(&'a str),
    RemoveFolder(&'a str),
    Place { staged: &'a str, path: &'a str },
    PlaceManifest,
    Clear,
}

impl Journal {
    pub(super) fn new(place: BTreeMap<String, Placed>, remove: BTreeMap<String, Sha256>) -> Self {
        Self { schema_version: SCHEMA_VERSION, place, remove }
    }

    pub(super) fn render(&self) -> Result<Vec<u8>, OutError> {
        Ok(serde_json::to_vec(self)?)
    }

    /// The journal of an interrupted commit.
    fn read(root: &Path) -> Result<Option<Self>, OutError> {
        let path = staging::staged_path(root, JOURNAL);
        let source = match fs::read(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            source => source.map_err(OutError::io("read", &path))?,
        };
        match parse(&source) {
            Ok(journal) => Ok(Some(journal)),
            Err(reason) => Err(OutError::Journal { path, reason }),
        }
    }

    /// Moves the staged files into place, and removes the files that are no longer emitted.
    ///
    /// # Errors
    ///
    /// [`OutError::Unfinished`]; the journal is kept, and the next run continues.
    pub(super) fn complete(&self, root: &Path) -> Result<(), OutError> {
        self.steps().iter().try_for_each(|step| step.run(root)).map_err(|source| {
            OutError::Unfinished { dir: root.to_owned(), source: Box::new(source) }
        })
    }

    /// All steps in their order. Removals come first, since a file may be replaced by a folder.
    fn steps(&self) -> Vec<CommitStep<'_>> {
        let removed = self.remove.keys().map(|path| CommitStep::Remove(path));
        let emptied = self.emptied().into_iter().rev().map(CommitStep::RemoveFolder);
        let placed = self
            .place
            .iter()
            .map(|(path, placed)| CommitStep::Place { staged: &placed.staged, path });
        let last = [CommitStep::PlaceManifest, CommitStep::Clear];
        removed.chain(emptied).chain(placed).chain(last).collect()
    }

    /// The folders that may be empty after the removals; inner ones come later.
    fn emptied(&self) -> BTreeSet<&str> {
        let needed: BTreeSet<&str> = self.place.keys().flat_map(|path| folders(path)).collect();
        let left = self.remove.keys().flat_map(|path| folders(path));
        left.filter(|folder| !needed.contains(folder)).collect()
    }
}

impl CommitStep<'_> {
    fn run(&self, root: &Path) -> Result<(), OutError> {
        match self {
            Self::Remove(path) => {
                let path = root.join(path);
                staging::ignore_missing(fs::remove_file(&path))
                    .map_err(OutError::io("remove", path))
            }
            Self::RemoveFolder(path) => {
                let path = root.join(path);
                remove_if_empty(&path).map_err(OutError::io("remove", path))
            }
            Self::Place { staged, path } => place(root, staged, path),
            Self::PlaceManifest => place(root, MANIFEST, MANIFEST),
            Self::Clear => staging::clear(root),
        }
    }
}

fn place(root: &Path, staged: &str, path: &str) -> Result<(), OutError> {
    let (source, target) = (staging::staged_path(root, staged), root.join(path));
    match fs::rename(&source, &target) {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            create_folders(root, path)?;
            fs::rename(&source, &target)
        }
        renamed => renamed,
    }
    .map_err(OutError::io("write", target))
}

fn create_folders(root: &Path, path: &str) -> Result<(), OutError> {
    for name in folders(path) {
        let folder = root.join(name);
        match staging::create_folder(&folder) {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => {
                return Err(OutError::io("create", folder)(error));
            }
            _ => {}
        }
    }
    Ok(())
}

fn remove_if_empty(folder: &Path) -> io::Result<()> {
    match fs::remove_dir(folder) {
        Err(error) if error.kind() == ErrorKind::DirectoryNotEmpty => Ok(()),
        removed => staging::ignore_missing(removed),
    }
}

/// The folders above a path, the outermost first.
fn folders(path: &str) -> impl Iterator<Item = &str> {
    path.match_indices('/').map(|(end, _)| &path[..end])
}

fn parse(source: &[u8]) -> Result<Journal, String> {
    let journal: Journal = serde_json::from_slice(source).map_err(|error| error.to_string())?;
    if journal.schema_version != SCHEMA_VERSION {
        return Err(format!("its schema_version is {}, not 1", journal.schema_version));
    }
    let staged = journal.place.values().map(|placed| &placed.staged);
    let mut paths = journal.place.keys().chain(journal.remove.keys()).chain(staged);
    match paths.find(|path| !manifest::is_plain(path)) {
        Some(path) => Err(format!("`{path}` is not a path below the directory")),
        None => Ok(journal),
    }
}

/// Whether a commit was interrupted.
pub(super) fn is_pending(root: &Path) -> bool {
    staging::staged_path(root, JOURNAL).is_file()
}

/// Finishes an interrupted commit, or deletes the files that were staged for one that never began.
/// Returns whether there was one to finish.
pub(super) fn recover(root: &Path) -> Result<bool, OutError> {
    if !staging::exists(root)? {
        return Ok(false);
    }
    let Some(journal) = Journal::read(root)? else {
        staging::clear(root)?;
        return Ok(false);
    };
    let recovery = Recovery::plan(root, &journal)?;
    staging::replace_synced(root, MANIFEST, &manifest::render(recovery.manifest.files())?)?;
    recovery.journal.complete(root)?;
    Ok(true)
}

/// The remaining changes of an interrupted commit.
///
/// A file that was edited since then is not changed: the manifest then contains its planned hash, and
/// the run that recovers treats it like any other of our files. So no file is refused twice.
struct Recovery {
    journal: Journal,
    manifest: OutManifest,
}

impl Recovery {
    fn plan(root: &Path, interrupted: &Journal) -> Result<Self, OutError> {
        let manifest = match OutManifest::read_file(&staging::staged_path(root, MANIFEST))? {
            staged if staged.source().is_some() => staged,
            _ => OutManifest::read(root)?,
        };
        let journal = Journal::new(BTreeMap::new(), BTreeMap::new());
        let mut recovery = Self { journal, manifest };
        let mut reader = DiskReader::new(root, &interrupted.remove);
        let mut obstacles = BTreeMap::new();
        for (path, placed) in &interrupted.place {
            if let Some(disk) = digest(root, &mut reader, path, &mut obstacles)? {
                recovery.place(root, path, placed, disk)?;
            }
        }
        for (path, old) in &interrupted.remove {
            if root.join(path).is_dir() {
                // It was removed, and replaced by a folder.
                continue;
            }
            if let Some(disk) = digest(root, &mut reader, path, &mut obstacles)? {
                recovery.remove(path, *old, disk);
            }
        }
        if obstacles.is_empty() {
            return Ok(recovery);
        }
        Err(OutError::Refused { dir: root.to_owned(), obstacles })
    }

    fn place(
        &mut self,
        root: &Path,
        path: &str,
        placed: &Placed,
        disk: Option<Sha256>,
    ) -> Result<(), OutError> {
        if disk == Some(placed.new) {
            return Ok(());
        }
        let staged = digest_of_staged(root, &placed.staged)?;
        if disk != placed.old {
            // The file was written since the crash. If the staged file still exists, ours was not
            // placed, so a file at a path that was free is not ours.
            if placed.old.is_none() && staged.is_some() {
                self.manifest.set(path, None);
            }
        } else if staged == Some(placed.new) {
            self.journal.place.insert(path.to_owned(), placed.clone());
        } else {
            // Power loss tore the staged file: the old file is kept, and its bytes count as ours.
            self.manifest.set(path, placed.old);
        }
        Ok(())
    }

    fn remove(&mut self, path: &str, old: Sha256, disk: Option<Sha256>) {
        if disk.is_some_and(|disk| disk != old) {
            self.manifest.set(path, Some(old));
        } else {
            // Also if it is absent: the folders above it may still exist.
            self.journal.remove.insert(path.to_owned(), old);
        }
    }
}

/// The hash of the file at a path; the outer none for an obstacle, which is added to `obstacles`.
fn digest(
    root: &Path,
    reader: &mut DiskReader<'_>,
    path: &str,
    obstacles: &mut BTreeMap<String, Obstacle>,
) -> Result<Option<Option<Sha256>>, OutError> {
    match reader.file(path)? {
        DiskState::Absent | DiskState::Folder => Ok(Some(None)),
        DiskState::File { .. } => hash(&root.join(path)).map(|digest| Some(Some(digest))),
        DiskState::Blocked(blocked_path, obstacle) => {
            obstacles.insert(blocked_path, obstacle);
            Ok(None)
        }
    }
}

fn digest_of_staged(root: &Path, name: &str) -> Result<Option<Sha256>, OutError> {
    let path = staging::staged_path(root, name);
    match fs::symlink_metadata(&path) {
        Ok(found) if found.is_file() => hash(&path).map(Some),
        Ok(_) => Ok(None),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(OutError::io("read", path)(error)),
    }
}

fn hash(path: &Path) -> Result<Sha256, OutError> {
    let mut bytes = Vec::new();
    read(path, &mut bytes)?;
    Ok(Sha256::compute(&bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::{ArtifactSet, Tree};
    use crate::out::staging::Staging;
    use crate::out::{self, Options, diff};
    use tempfile::TempDir;

    const GENTLE: Options = Options { force: false, adopt: true };
    const OLD: StaticTree = StaticTree(&[
        ("a/kept", "kept"),
        ("a/changed", "old"),
        ("b/c/gone", "gone"),
        ("d", "file"),
    ]);
    const NEW: StaticTree = StaticTree(&[
        ("a/kept", "kept"),
        ("a/changed", "new"),
        ("d/e", "folder"),
        ("f/g", "added"),
    ]);

    struct StaticTree(&'static [(&'static str, &'static str)]);

    impl Tree for StaticTree {
        fn parts(&self) -> usize {
            self.0.len()
        }

        fn render(&self, part: usize) -> ArtifactSet {
            let mut set = ArtifactSet::default();
            set.add(self.0[part].0, self.0[part].1);
            set
        }
    }

    /// A run from OLD to NEW that is killed after so many steps of its commit.
    fn killed_after(steps: usize) -> (TempDir, Journal) {
        let dir = TempDir::new().unwrap();
        out::write(&OLD, dir.path(), GENTLE).unwrap();
        let staging = Staging::new(dir.path());
        let owned = OutManifest::read(dir.path()).unwrap();
        let diff = diff::compute(&NEW, dir.path(), &owned, Some(&staging)).unwrap();
        let journal = Journal::new(diff.placed, diff.removed);
        staging.commit(&diff.manifest, &journal).unwrap();
        for step in journal.steps().iter().take(steps) {
            step.run(dir.path()).unwrap();
        }
        (dir, journal)
    }

    fn is_exactly(tree: &StaticTree, dir: &Path) -> bool {
        let folders: BTreeSet<_> = tree.0.iter().flat_map(|(path, _)| folders(path)).collect();
        let entries = walkdir::WalkDir::new(dir).min_depth(1).into_iter().map(Result::unwrap);
        out::compare(tree, dir, GENTLE).unwrap().is_empty()
            && entries.count() == tree.0.len() + 1 + folders.len()
    }

    #[test]
    fn removals_come_first_and_the_manifest_last() {
        let (_dir, journal) = killed_after(0);
        let expected = [
            CommitStep::Remove("b/c/gone"),
            CommitStep::Remove("d"),
            CommitStep::RemoveFolder("b/c"),
            CommitStep::RemoveFolder("b"),
            CommitStep::Place { staged: "1-0", path: "a/changed" },
            CommitStep::Place { staged: "2-0", path: "d/e" },
            CommitStep::Place { staged: "3-0", path: "f/g" },
            CommitStep::PlaceManifest,
            CommitStep::Clear,
        ];
        assert_eq!(journal.steps(), expected);
    }

    #[test]
    fn a_commit_killed_at_any_step_is_finished_by_the_next_run() {
        for steps in 0..=8 {
            let (dir, _) = killed_after(steps);
            let error = out::compare(&NEW, dir.path(), GENTLE).unwrap_err();
            let message =
                format!("{} is half written: an earlier run was interrupted", dir.path().display());
            assert_eq!(error.to_string(), message);
            let changes = out::write(&NEW, dir.path(), GENTLE).unwrap();
            assert!(changes.recovered);
            assert_eq!(changes.unchanged, 5, "after {steps} steps");
            assert!(is_exactly(&NEW, dir.path()), "after {steps} steps");
        }
    }

    #[test]
    fn a_recovery_killed_at_any_step_is_finished_as_well() {
        for steps in 0..=8 {
            for more in 0..=8 {
                let (dir, journal) = killed_after(steps);
                let recovery = Recovery::plan(dir.path(), &journal).unwrap();
                let manifest = manifest::render(recovery.manifest.files()).unwrap();
                staging::replace_synced(dir.path(), MANIFEST, &manifest).unwrap();
                for step in recovery.journal.steps().iter().take(more) {
                    step.run(dir.path()).unwrap();
                }
                out::write(&NEW, dir.path(), GENTLE).unwrap();
                assert!(is_exactly(&NEW, dir.path()), "after {steps} and {more} steps");
            }
        }
    }

    #[test]
    fn an_interrupted_commit_may_be_followed_by_another_tree() {
        for steps in 0..=8 {
            let (dir, _) = killed_after(steps);
            out::write(&OLD, dir.path(), GENTLE).unwrap_or_else(|error| {
                // The folder `d` was created, and a folder is never replaced by a file.
                assert!(error.to_string().ends_with("\n  d: not a regular file"), "{error}");
                out::write(&NEW, dir.path(), GENTLE).unwrap()
            });
        }
    }

    #[test]
    fn files_edited_since_the_crash_are_named() {
        for steps in 0..=8 {
            for (path, reason) in [("a/changed", "edited by hand"), ("f/g", "")] {
                let (dir, _) = killed_after(steps);
                let placed =
                    !staging::staged_path(dir.path(), if path == "f/g" { "3-0" } else { "1-0" })
                        .exists();
                create_folders(dir.path(), path).unwrap();
                fs::write(dir.path().join(path), "mine").unwrap();
                let error = out::write(&NEW, dir.path(), GENTLE).unwrap_err();
                let expected = match reason {
                    "" if placed => "edited by hand",
                    "" => "not written by meshwright",
                    reason => reason,
                };
                let message = format!(
                    "{} contains files that must not be overwritten\n  {path}: {expected}",
                    dir.path().display()
                );
                assert_eq!(error.to_string(), message);
                assert_eq!(fs::read_to_string(dir.path().join(path)).unwrap(), "mine");
            }
        }
    }

    #[test]
    fn a_staged_file_that_power_loss_tore_is_not_placed() {
        let (dir, _) = killed_after(0);
        fs::write(staging::staged_path(dir.path(), "1-0"), "").unwrap();
        fs::remove_file(staging::staged_path(dir.path(), "3-0")).unwrap();
        assert!(recover(dir.path()).unwrap());
        let changes = out::compare(&NEW, dir.path(), GENTLE).unwrap();
        assert_eq!(changes.added, ["f/g"]);
        assert_eq!(changes.changed, ["a/changed", "manifest.json"]);
        assert!(changes.obstacles.is_empty());
    }
}
