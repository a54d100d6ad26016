//! The landing: from the commit point to the finished directory, in steps that can be repeated.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{self, ErrorKind};
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::error::{Error, Obstacle};
use super::ground::{Ground, Standing};
use super::manifest::{self, Digest, Manifest};
use super::survey::{Placed, read};
use super::{MANIFEST, staging};

/// The name of the journal in the staging folder.
pub(super) const JOURNAL: &str = "journal.json";

const SCHEMA_VERSION: u32 = 1;

/// What a landing does. It is complete: with it and the staged files, any later run can finish.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Journal {
    schema_version: u32,
    place: BTreeMap<String, Placed>,
    /// Files to remove, with the hash that they have.
    remove: BTreeMap<String, Digest>,
}

/// One system call's worth of landing.
#[derive(Debug, PartialEq, Eq)]
enum Step<'a> {
    Remove(&'a str),
    RemoveFolder(&'a str),
    Place { staged: &'a str, path: &'a str },
    PlaceManifest,
    Clear,
}

impl Journal {
    pub(super) fn new(place: BTreeMap<String, Placed>, remove: BTreeMap<String, Digest>) -> Self {
        Self { schema_version: SCHEMA_VERSION, place, remove }
    }

    pub(super) fn render(&self) -> Result<Vec<u8>, Error> {
        Ok(serde_json::to_vec(self)?)
    }

    /// The journal of an interrupted landing.
    fn read(root: &Path) -> Result<Option<Self>, Error> {
        let path = staging::at(root, JOURNAL);
        let source = match fs::read(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            source => source.map_err(Error::io("read", &path))?,
        };
        match parse(&source) {
            Ok(journal) => Ok(Some(journal)),
            Err(reason) => Err(Error::Journal { path, reason }),
        }
    }

    /// Lands what is staged.
    ///
    /// # Errors
    ///
    /// [`Error::Unfinished`]; the journal stays, and the next run goes on.
    pub(super) fn land(&self, root: &Path) -> Result<(), Error> {
        self.steps()
            .iter()
            .try_for_each(|step| step.run(root))
            .map_err(|source| Error::Unfinished { dir: root.to_owned(), source: Box::new(source) })
    }

    /// All steps in their order. A file that became a folder must make room first, so removals lead.
    fn steps(&self) -> Vec<Step<'_>> {
        let removed = self.remove.keys().map(|path| Step::Remove(path));
        let emptied = self.emptied().into_iter().rev().map(Step::RemoveFolder);
        let placed =
            self.place.iter().map(|(path, placed)| Step::Place { staged: &placed.staged, path });
        let last = [Step::PlaceManifest, Step::Clear];
        removed.chain(emptied).chain(placed).chain(last).collect()
    }

    /// The folders that may be empty after the removals; inner ones come later.
    fn emptied(&self) -> BTreeSet<&str> {
        let needed: BTreeSet<&str> = self.place.keys().flat_map(|path| folders(path)).collect();
        let left = self.remove.keys().flat_map(|path| folders(path));
        left.filter(|folder| !needed.contains(folder)).collect()
    }
}

impl Step<'_> {
    fn run(&self, root: &Path) -> Result<(), Error> {
        match self {
            Self::Remove(path) => {
                let path = root.join(path);
                staging::ignore_missing(fs::remove_file(&path)).map_err(Error::io("remove", path))
            }
            Self::RemoveFolder(path) => {
                let path = root.join(path);
                remove_if_empty(&path).map_err(Error::io("remove", path))
            }
            Self::Place { staged, path } => place(root, staged, path),
            Self::PlaceManifest => place(root, MANIFEST, MANIFEST),
            Self::Clear => staging::clear(root),
        }
    }
}

fn place(root: &Path, staged: &str, path: &str) -> Result<(), Error> {
    let (staged, target) = (staging::at(root, staged), root.join(path));
    match fs::rename(&staged, &target) {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            create_folders(root, path)?;
            fs::rename(&staged, &target)
        }
        renamed => renamed,
    }
    .map_err(Error::io("write", target))
}

fn create_folders(root: &Path, path: &str) -> Result<(), Error> {
    for folder in folders(path) {
        let folder = root.join(folder);
        match staging::create_folder(&folder) {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => {
                return Err(Error::io("create", folder)(error));
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
        Some(path) => Err(format!("`{path}` is no path below the directory")),
        None => Ok(journal),
    }
}

/// Whether a landing was interrupted.
pub(super) fn is_pending(root: &Path) -> bool {
    staging::at(root, JOURNAL).is_file()
}

/// Finishes an interrupted landing, or deletes what was staged for one that never began. Says
/// whether there was one to finish.
pub(super) fn recover(root: &Path) -> Result<bool, Error> {
    if !staging::exists(root)? {
        return Ok(false);
    }
    let Some(journal) = Journal::read(root)? else {
        staging::clear(root)?;
        return Ok(false);
    };
    let recovery = Recovery::plan(root, &journal)?;
    staging::replace_synced(root, MANIFEST, &manifest::render(recovery.manifest.files())?)?;
    recovery.journal.land(root)?;
    Ok(true)
}

/// What is left of an interrupted landing.
///
/// A file that somebody edited since is left alone: the manifest then says what it should be, and
/// the run that recovers judges it like any other file of ours. So nothing is refused twice.
struct Recovery {
    journal: Journal,
    manifest: Manifest,
}

impl Recovery {
    fn plan(root: &Path, interrupted: &Journal) -> Result<Self, Error> {
        let manifest = match Manifest::read_file(&staging::at(root, MANIFEST))? {
            staged if staged.source().is_some() => staged,
            _ => Manifest::read(root)?,
        };
        let journal = Journal::new(BTreeMap::new(), BTreeMap::new());
        let mut recovery = Self { journal, manifest };
        let mut ground = Ground::new(root, &interrupted.remove);
        let mut obstacles = BTreeMap::new();
        for (path, placed) in &interrupted.place {
            if let Some(disk) = digest(root, &mut ground, path, &mut obstacles)? {
                recovery.place(root, path, placed, disk)?;
            }
        }
        for (path, old) in &interrupted.remove {
            if let Some(disk) = digest(root, &mut ground, path, &mut obstacles)? {
                recovery.remove(path, *old, disk);
            }
        }
        if obstacles.is_empty() {
            return Ok(recovery);
        }
        Err(Error::Refused { dir: root.to_owned(), obstacles })
    }

    fn place(
        &mut self,
        root: &Path,
        path: &str,
        placed: &Placed,
        disk: Option<Digest>,
    ) -> Result<(), Error> {
        if disk == Some(placed.new) {
            return Ok(());
        }
        let staged = digest_of_staged(root, &placed.staged)?;
        if disk != placed.old {
            // Somebody wrote here since. Nothing had landed if the staged file is still there, so
            // what is at a path that was free is not ours.
            if placed.old.is_none() && staged.is_some() {
                self.manifest.set(path, None);
            }
        } else if staged == Some(placed.new) {
            self.journal.place.insert(path.to_owned(), placed.clone());
        } else {
            // Power loss tore the staged file: the old one stays, and is ours as it is.
            self.manifest.set(path, placed.old);
        }
        Ok(())
    }

    fn remove(&mut self, path: &str, old: Digest, disk: Option<Digest>) {
        if disk == Some(old) {
            self.journal.remove.insert(path.to_owned(), old);
        } else if disk.is_some() {
            self.manifest.set(path, Some(old));
        }
    }
}

/// The hash of what stands at a path; the outer none if it is an obstacle, which is noted.
fn digest(
    root: &Path,
    ground: &mut Ground<'_>,
    path: &str,
    obstacles: &mut BTreeMap<String, Obstacle>,
) -> Result<Option<Option<Digest>>, Error> {
    match ground.file(path)? {
        Standing::Absent | Standing::Folder => Ok(Some(None)),
        Standing::File => hash(&root.join(path)).map(|digest| Some(Some(digest))),
        Standing::Blocked(at, obstacle) => {
            obstacles.insert(at, obstacle);
            Ok(None)
        }
    }
}

fn digest_of_staged(root: &Path, name: &str) -> Result<Option<Digest>, Error> {
    let path = staging::at(root, name);
    match fs::symlink_metadata(&path) {
        Ok(found) if found.is_file() => hash(&path).map(Some),
        Ok(_) => Ok(None),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::io("read", path)(error)),
    }
}

fn hash(path: &Path) -> Result<Digest, Error> {
    let mut bytes = Vec::new();
    read(path, &mut bytes)?;
    Ok(Digest::of(&bytes))
}
