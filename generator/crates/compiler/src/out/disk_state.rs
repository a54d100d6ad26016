//! The state of paths below the output directory, read without following symlinks.

use std::collections::BTreeMap;
use std::fs::{self, Metadata};
use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use super::error::{Obstacle, OutError};
use meshwright_value::Sha256;

/// The only bit of a mode that version control keeps.
const OWNER_EXECUTE: u32 = 0o100;

/// The state of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum DiskState {
    Absent,
    File {
        /// Whether its owner may execute it.
        executable: bool,
    },
    Folder,
    /// An obstacle at this path, or at a folder above it: no file can be written below it.
    Blocked(String, Obstacle),
}

/// Reads the state of paths below the output directory; each folder is read once.
pub(super) struct DiskReader<'a> {
    root: &'a Path,
    owned: &'a BTreeMap<String, Sha256>,
    folders: BTreeMap<String, DiskState>,
}

impl<'a> DiskReader<'a> {
    /// `owned` are the files that may be replaced by a folder: a path is either file or folder in
    /// the new tree, so they are removed before any file is placed.
    pub(super) fn new(root: &'a Path, owned: &'a BTreeMap<String, Sha256>) -> Self {
        Self { root, owned, folders: BTreeMap::new() }
    }

    /// The state of the path of a file.
    pub(super) fn file(&mut self, path: &str) -> Result<DiskState, OutError> {
        match self.parent(path)? {
            DiskState::Folder => {}
            other => return Ok(other),
        }
        Ok(match self.metadata(path)? {
            None => DiskState::Absent,
            Some(found) if found.is_file() => {
                DiskState::File { executable: is_executable_by_owner(&found) }
            }
            Some(found) if found.is_symlink() => blocked(path, Obstacle::Symlink),
            Some(_) => blocked(path, Obstacle::NotAFile),
        })
    }

    fn parent(&mut self, path: &str) -> Result<DiskState, OutError> {
        match path.rsplit_once('/') {
            Some((parent, _)) => self.folder(parent),
            None => Ok(DiskState::Folder),
        }
    }

    fn folder(&mut self, path: &str) -> Result<DiskState, OutError> {
        if let Some(known) = self.folders.get(path) {
            return Ok(known.clone());
        }
        let state = match self.parent(path)? {
            DiskState::Folder => self.read_folder(path)?,
            other => other,
        };
        self.folders.insert(path.to_owned(), state.clone());
        Ok(state)
    }

    fn read_folder(&self, path: &str) -> Result<DiskState, OutError> {
        Ok(match self.metadata(path)? {
            None => DiskState::Absent,
            Some(found) if found.is_dir() => DiskState::Folder,
            Some(found) if found.is_symlink() => blocked(path, Obstacle::Symlink),
            Some(found) if found.is_file() && self.owned.contains_key(path) => DiskState::Absent,
            Some(_) => blocked(path, Obstacle::NotADirectory),
        })
    }

    fn metadata(&self, path: &str) -> Result<Option<Metadata>, OutError> {
        let path = self.root.join(path);
        match fs::symlink_metadata(&path) {
            Ok(found) => Ok(Some(found)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(OutError::io("read", path)(error)),
        }
    }
}

/// Whether the owner of a file below the output directory may execute it.
pub(super) fn is_executable(root: &Path, path: &str) -> Result<bool, OutError> {
    let path = root.join(path);
    fs::symlink_metadata(&path)
        .map(|found| is_executable_by_owner(&found))
        .map_err(OutError::io("read", path))
}

fn is_executable_by_owner(found: &Metadata) -> bool {
    found.permissions().mode() & OWNER_EXECUTE != 0
}

fn blocked(path: &str, obstacle: Obstacle) -> DiskState {
    DiskState::Blocked(path.to_owned(), obstacle)
}
