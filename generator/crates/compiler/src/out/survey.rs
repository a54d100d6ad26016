//! The survey: what differs between a tree and the output directory, found part by part.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read as _;
use std::num::NonZero;
use std::panic::resume_unwind;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use serde::{Deserialize, Serialize};

use super::error::{Error, Obstacle};
use super::ground::{Ground, Standing};
use super::manifest::Manifest;
use super::staging::{self, Staging};
use super::{Changes, MANIFEST};
use crate::artifact::{ArtifactSet, Tree};
use meshwright_value::manifest::{self, Digest};

/// A file whose bytes on disk are not the new ones.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Placed {
    /// The name of the staged bytes.
    pub(super) staged: String,
    /// What is on disk; none if nothing is.
    pub(super) old: Option<Digest>,
    pub(super) new: Digest,
}

/// What a tree would change.
#[derive(Default)]
pub(super) struct Survey {
    files: BTreeMap<String, Digest>,
    pub(super) placed: BTreeMap<String, Placed>,
    /// Files of ours that the tree does not have, with their hash on disk.
    pub(super) removed: BTreeMap<String, Digest>,
    pub(super) obstacles: BTreeMap<String, Obstacle>,
    /// The new manifest.
    pub(super) manifest: Vec<u8>,
    old_manifest: Option<Digest>,
    pub(super) manifest_differs: bool,
    unchanged: usize,
    bytes: u64,
}

/// Compares a tree with the disk, and stages what differs.
///
/// Threads take the parts in turn. A part is either not begun or brought to its end, so the error
/// of the lowest part is the same however many threads there are.
pub(super) fn take(
    tree: &dyn Tree,
    root: &Path,
    owned: &Manifest,
    staging: Option<&Staging>,
) -> Result<Survey, Error> {
    let queue =
        Queue { parts: tree.parts(), next: AtomicUsize::new(0), failed: AtomicBool::new(false) };
    let threads = thread::available_parallelism().map_or(1, NonZero::get).min(queue.parts);
    let surveyed = thread::scope(|scope| {
        let work = || Surveyor::new(root, owned, staging).work(tree, &queue);
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        let join = |worker: thread::ScopedJoinHandle<'_, _>| {
            worker.join().unwrap_or_else(|panic| resume_unwind(panic))
        };
        workers.into_iter().map(join).collect::<Vec<_>>()
    });
    let mut survey = merge(surveyed)?;
    survey.prune(root, owned)?;
    survey.finish(owned)?;
    Ok(survey)
}

/// A survey of some parts, or the part that failed.
type Surveyed = Result<Survey, (usize, Error)>;

fn merge(surveyed: Vec<Surveyed>) -> Result<Survey, Error> {
    let mut whole = Survey::default();
    let mut failures = Vec::new();
    for result in surveyed {
        match result {
            Ok(survey) => whole.absorb(survey),
            Err(failure) => failures.push(failure),
        }
    }
    match failures.into_iter().min_by_key(|(part, _)| *part) {
        Some((_, error)) => Err(error),
        None => Ok(whole),
    }
}

struct Queue {
    parts: usize,
    next: AtomicUsize,
    failed: AtomicBool,
}

impl Queue {
    fn take(&self) -> Option<usize> {
        if self.failed.load(Ordering::Relaxed) {
            return None;
        }
        let part = self.next.fetch_add(1, Ordering::Relaxed);
        (part < self.parts).then_some(part)
    }
}

/// One thread's share of the survey.
struct Surveyor<'a> {
    root: &'a Path,
    owned: &'a BTreeMap<String, Digest>,
    staging: Option<&'a Staging<'a>>,
    ground: Ground<'a>,
    /// The bytes of the file that is looked at; kept, so that one buffer serves all.
    disk: Vec<u8>,
    survey: Survey,
}

impl<'a> Surveyor<'a> {
    fn new(root: &'a Path, owned: &'a Manifest, staging: Option<&'a Staging<'a>>) -> Self {
        let owned = owned.files();
        let ground = Ground::new(root, owned);
        Self { root, owned, staging, ground, disk: Vec::new(), survey: Survey::default() }
    }

    fn work(mut self, tree: &dyn Tree, queue: &Queue) -> Surveyed {
        while let Some(part) = queue.take() {
            if let Err(error) = self.part(part, &tree.render(part)) {
                queue.failed.store(true, Ordering::Relaxed);
                return Err((part, error));
            }
        }
        Ok(self.survey)
    }

    fn part(&mut self, part: usize, files: &ArtifactSet) -> Result<(), Error> {
        files.iter().enumerate().try_for_each(|(number, (path, bytes))| {
            self.file(path, bytes, format!("{part}-{number}"))
        })
    }

    fn file(&mut self, path: &str, bytes: &[u8], staged: String) -> Result<(), Error> {
        assert!(manifest::is_plain(path), "a renderer claims {path}, which no artifact may have");
        let new = Digest::of(bytes);
        self.survey.bytes += bytes.len() as u64;
        self.survey.files.insert(path.to_owned(), new);
        let old = match self.ground.file(path)? {
            Standing::Blocked(at, obstacle) => {
                self.survey.obstacles.insert(at, obstacle);
                return Ok(());
            }
            Standing::Absent | Standing::Folder => None,
            Standing::File { executable } => {
                read(&self.root.join(path), &mut self.disk)?;
                if self.disk == bytes && (executable || !staging::is_script(bytes)) {
                    self.survey.unchanged += 1;
                    return Ok(());
                }
                Some(Digest::of(&self.disk))
            }
        };
        let edited = old.filter(|old| *old != new);
        if let Some(obstacle) = edited.and_then(|old| self.judge(path, old, bytes)) {
            self.survey.obstacles.insert(path.to_owned(), obstacle);
        }
        if let Some(staging) = self.staging {
            staging.write(&staged, bytes)?;
        }
        self.survey.placed.insert(path.to_owned(), Placed { staged, old, new });
        Ok(())
    }

    fn judge(&self, path: &str, old: Digest, new: &[u8]) -> Option<Obstacle> {
        match self.owned.get(path) {
            None => Some(Obstacle::Foreign),
            Some(written) if *written == old || is_torn(&self.disk, new) => None,
            Some(_) => Some(Obstacle::Edited),
        }
    }
}

impl Survey {
    fn absorb(&mut self, mut other: Self) {
        self.files.append(&mut other.files);
        self.placed.append(&mut other.placed);
        self.obstacles.append(&mut other.obstacles);
        self.unchanged += other.unchanged;
        self.bytes += other.bytes;
    }

    /// Finds the files of ours that the tree no longer has.
    fn prune(&mut self, root: &Path, owned: &Manifest) -> Result<(), Error> {
        let mut ground = Ground::new(root, owned.files());
        let mut disk = Vec::new();
        for (path, written) in owned.files() {
            if self.files.contains_key(path) {
                continue;
            }
            match ground.file(path)? {
                Standing::Absent | Standing::Folder => continue,
                Standing::Blocked(at, obstacle) => {
                    self.obstacles.insert(at, obstacle);
                    continue;
                }
                Standing::File { .. } => read(&root.join(path), &mut disk)?,
            }
            let found = Digest::of(&disk);
            if found != *written && !is_torn(&disk, b"") {
                self.obstacles.insert(path.clone(), Obstacle::Edited);
            }
            self.removed.insert(path.clone(), found);
        }
        Ok(())
    }

    fn finish(&mut self, owned: &Manifest) -> Result<(), Error> {
        self.manifest = manifest::render(&self.files)?;
        self.bytes += self.manifest.len() as u64;
        self.manifest_differs = owned.source() != Some(&self.manifest);
        self.old_manifest = owned.source().map(Digest::of);
        Ok(())
    }

    /// The survey as paths.
    pub(super) fn changes(&self) -> Changes {
        let placed = |there: bool| {
            let chosen =
                self.placed.iter().filter(move |(_, placed)| placed.old.is_some() == there);
            chosen.map(|(path, _)| path.clone()).collect::<Vec<_>>()
        };
        let mut changes = Changes {
            added: placed(false),
            changed: placed(true),
            removed: self.removed.keys().cloned().collect(),
            obstacles: self.obstacles.clone(),
            unchanged: self.unchanged,
            files: self.files.len() + 1,
            bytes: self.bytes,
            recovered: false,
            leftover: false,
        };
        match (self.manifest_differs, self.old_manifest) {
            (false, _) => changes.unchanged += 1,
            (true, None) => insert(&mut changes.added, MANIFEST),
            (true, Some(_)) => insert(&mut changes.changed, MANIFEST),
        }
        changes
    }
}

fn insert(paths: &mut Vec<String>, path: &str) {
    let at = paths.partition_point(|other| other.as_str() < path);
    paths.insert(at, path.to_owned());
}

/// Reads a file into a buffer.
pub(super) fn read(path: &Path, buffer: &mut Vec<u8>) -> Result<(), Error> {
    buffer.clear();
    File::open(path)
        .and_then(|mut file| file.read_to_end(buffer))
        .map(drop)
        .map_err(Error::io("read", path))
}

/// Whether a file was torn by power loss: it holds a beginning of the new bytes, then at most NUL.
fn is_torn(disk: &[u8], new: &[u8]) -> bool {
    let end = disk.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    new.starts_with(&disk[..end])
}
