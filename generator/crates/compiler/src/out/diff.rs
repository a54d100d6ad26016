//! The differences between a tree and the output directory, found part by part.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use rayon::iter::{IntoParallelIterator as _, ParallelIterator as _};
use serde::{Deserialize, Serialize};

use super::disk_state::{DiskReader, DiskState};
use super::error::{Obstacle, OutError};
use super::manifest::OutManifest;
use super::staging::Staging;
use super::{Changes, MANIFEST};
use crate::artifact::{ArtifactSet, FileMode, Tree};
use meshwright_value::Sha256;
use meshwright_value::manifest;

/// A file whose bytes on disk are not the new ones.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Placed {
    /// The name of the staged bytes.
    pub(super) staged: String,
    /// The hash of the file on disk; none if it is absent.
    pub(super) old: Option<Sha256>,
    pub(super) new: Sha256,
}

/// The differences between a tree and the output directory.
#[derive(Default)]
pub(super) struct Diff {
    files: BTreeMap<String, Sha256>,
    pub(super) placed: BTreeMap<String, Placed>,
    /// Our files that the tree does not have, with their hash on disk.
    pub(super) removed: BTreeMap<String, Sha256>,
    pub(super) obstacles: BTreeMap<String, Obstacle>,
    /// The new manifest.
    pub(super) manifest: Vec<u8>,
    old_manifest: Option<Sha256>,
    pub(super) manifest_differs: bool,
    unchanged: usize,
    bytes: u64,
}

/// Compares a tree with the disk, and stages the files that differ.
///
/// Rayon splits the parts into ranges. A range ends with its first error, and the error of the first
/// range is returned: it is the same however many threads there are.
pub(super) fn compute(
    tree: &dyn Tree,
    root: &Path,
    owned: &OutManifest,
    staging: Option<&Staging>,
) -> Result<Diff, OutError> {
    let ranges: Vec<Result<Differ<'_>, OutError>> = (0..tree.parts())
        .into_par_iter()
        .fold(
            || Ok(Differ::new(root, owned, staging)),
            |range, part| {
                let mut differ = range?;
                differ.part(part, &tree.render(part))?;
                Ok(differ)
            },
        )
        .collect();
    let mut diff = Diff::default();
    for range in ranges {
        diff.append(range?.diff);
    }
    diff.find_removed(root, owned)?;
    diff.add_manifest(owned)?;
    Ok(diff)
}

/// Compares the parts of one range.
struct Differ<'a> {
    root: &'a Path,
    owned: &'a BTreeMap<String, Sha256>,
    staging: Option<&'a Staging<'a>>,
    reader: DiskReader<'a>,
    /// The bytes of the current file; kept, so that one buffer serves all files.
    disk: Vec<u8>,
    diff: Diff,
}

impl<'a> Differ<'a> {
    fn new(root: &'a Path, manifest: &'a OutManifest, staging: Option<&'a Staging<'a>>) -> Self {
        let owned = manifest.files();
        let reader = DiskReader::new(root, owned);
        Self { root, owned, staging, reader, disk: Vec::new(), diff: Diff::default() }
    }

    fn part(&mut self, part: usize, files: &ArtifactSet) -> Result<(), OutError> {
        files.iter().enumerate().try_for_each(|(number, (path, bytes))| {
            self.file(path, bytes, format!("{part}-{number}"))
        })
    }

    fn file(&mut self, path: &str, bytes: &[u8], staged: String) -> Result<(), OutError> {
        assert!(
            manifest::is_plain(path),
            "a renderer emits {path}, which is not a valid path of an artifact"
        );
        let new = Sha256::compute(bytes);
        self.diff.bytes += bytes.len() as u64;
        self.diff.files.insert(path.to_owned(), new);
        let old = match self.reader.file(path)? {
            DiskState::Blocked(blocked_path, obstacle) => {
                self.diff.obstacles.insert(blocked_path, obstacle);
                return Ok(());
            }
            DiskState::Absent | DiskState::Folder => None,
            DiskState::File { executable } => {
                read(&self.root.join(path), &mut self.disk)?;
                let is_program = FileMode::from_content(bytes) == FileMode::Program;
                if self.disk == bytes && (executable || !is_program) {
                    self.diff.unchanged += 1;
                    return Ok(());
                }
                Some(Sha256::compute(&self.disk))
            }
        };
        let replaced = old.filter(|old| *old != new);
        if let Some(obstacle) = replaced.and_then(|old| self.find_obstacle(path, old, bytes)) {
            self.diff.obstacles.insert(path.to_owned(), obstacle);
        }
        if let Some(staging) = self.staging {
            staging.write(&staged, bytes)?;
        }
        self.diff.placed.insert(path.to_owned(), Placed { staged, old, new });
        Ok(())
    }

    fn find_obstacle(&self, path: &str, old: Sha256, new: &[u8]) -> Option<Obstacle> {
        match self.owned.get(path) {
            None => Some(Obstacle::Foreign),
            Some(written) if *written == old || is_torn(&self.disk, new) => None,
            Some(_) => Some(Obstacle::Edited),
        }
    }
}

impl Diff {
    fn append(&mut self, mut other: Self) {
        self.files.append(&mut other.files);
        self.placed.append(&mut other.placed);
        self.obstacles.append(&mut other.obstacles);
        self.unchanged += other.unchanged;
        self.bytes += other.bytes;
    }

    /// Finds our files that the tree no longer has.
    fn find_removed(&mut self, root: &Path, owned: &OutManifest) -> Result<(), OutError> {
        let mut reader = DiskReader::new(root, owned.files());
        let mut disk = Vec::new();
        for (path, written) in owned.files() {
            if self.files.contains_key(path) {
                continue;
            }
            match reader.file(path)? {
                DiskState::Absent | DiskState::Folder => continue,
                DiskState::Blocked(blocked_path, obstacle) => {
                    self.obstacles.insert(blocked_path, obstacle);
                    continue;
                }
                DiskState::File { .. } => read(&root.join(path), &mut disk)?,
            }
            let found = Sha256::compute(&disk);
            if found != *written && !is_torn(&disk, b"") {
                self.obstacles.insert(path.clone(), Obstacle::Edited);
            }
            self.removed.insert(path.clone(), found);
        }
        Ok(())
    }

    fn add_manifest(&mut self, owned: &OutManifest) -> Result<(), OutError> {
        self.manifest = manifest::render(&self.files)?;
        self.bytes += self.manifest.len() as u64;
        self.manifest_differs = owned.source() != Some(&self.manifest);
        self.old_manifest = owned.source().map(Sha256::compute);
        Ok(())
    }

    /// The differences as paths.
    pub(super) fn changes(&self) -> Changes {
        let placed = |on_disk: bool| {
            let files = self.placed.iter().filter(move |(_, file)| file.old.is_some() == on_disk);
            files.map(|(path, _)| path.clone()).collect::<Vec<_>>()
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
    let position = paths.partition_point(|other| other.as_str() < path);
    paths.insert(position, path.to_owned());
}

/// Reads a file into a buffer.
pub(super) fn read(path: &Path, buffer: &mut Vec<u8>) -> Result<(), OutError> {
    buffer.clear();
    File::open(path)
        .and_then(|mut file| file.read_to_end(buffer))
        .map(drop)
        .map_err(OutError::io("read", path))
}

/// Whether a file was torn by power loss: it holds a prefix of the new bytes, then only NUL.
fn is_torn(disk: &[u8], new: &[u8]) -> bool {
    let end = disk.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    new.starts_with(&disk[..end])
}
