//! What stands below the output directory, seen without following symlinks.

use std::collections::BTreeMap;
use std::fs::{self, Metadata};
use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use super::error::{Error, Obstacle};
use meshwright_value::manifest::Digest;

/// The one bit of a mode that version control keeps.
const OWNER_RUNS: u32 = 0o100;

/// What stands at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Standing {
    Absent,
    File {
        /// Whether its owner may run it.
        executable: bool,
    },
    Folder,
    /// Something at this path, or at a folder above it, that no file of ours may stand on.
    Blocked(String, Obstacle),
}

/// Looks at paths below the output directory; each folder is looked at once.
pub(super) struct Ground<'a> {
    root: &'a Path,
    owned: &'a BTreeMap<String, Digest>,
    folders: BTreeMap<String, Standing>,
}

impl<'a> Ground<'a> {
    /// `owned` are the files that may make room for a folder: a path is either file or folder in
    /// the new tree, so they are removed before anything lands.
    pub(super) fn new(root: &'a Path, owned: &'a BTreeMap<String, Digest>) -> Self {
        Self { root, owned, folders: BTreeMap::new() }
    }

    /// What stands where a file is to be.
    pub(super) fn file(&mut self, path: &str) -> Result<Standing, Error> {
        match self.parent(path)? {
            Standing::Folder => {}
            other => return Ok(other),
        }
        Ok(match self.look(path)? {
            None => Standing::Absent,
            Some(found) if found.is_file() => Standing::File { executable: owner_runs(&found) },
            Some(found) if found.is_symlink() => blocked(path, Obstacle::Symlink),
            Some(_) => blocked(path, Obstacle::NotAFile),
        })
    }

    fn parent(&mut self, path: &str) -> Result<Standing, Error> {
        match path.rsplit_once('/') {
            Some((parent, _)) => self.folder(parent),
            None => Ok(Standing::Folder),
        }
    }

    fn folder(&mut self, path: &str) -> Result<Standing, Error> {
        if let Some(known) = self.folders.get(path) {
            return Ok(known.clone());
        }
        let standing = match self.parent(path)? {
            Standing::Folder => self.look_at_folder(path)?,
            other => other,
        };
        self.folders.insert(path.to_owned(), standing.clone());
        Ok(standing)
    }

    fn look_at_folder(&self, path: &str) -> Result<Standing, Error> {
        Ok(match self.look(path)? {
            None => Standing::Absent,
            Some(found) if found.is_dir() => Standing::Folder,
            Some(found) if found.is_symlink() => blocked(path, Obstacle::Symlink),
            Some(found) if found.is_file() && self.owned.contains_key(path) => Standing::Absent,
            Some(_) => blocked(path, Obstacle::NotADirectory),
        })
    }

    fn look(&self, path: &str) -> Result<Option<Metadata>, Error> {
        let path = self.root.join(path);
        match fs::symlink_metadata(&path) {
            Ok(found) => Ok(Some(found)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Error::io("read", path)(error)),
        }
    }
}

/// Whether the owner of a file below the output directory may run it.
pub(super) fn is_executable(root: &Path, path: &str) -> Result<bool, Error> {
    let path = root.join(path);
    fs::symlink_metadata(&path).map(|found| owner_runs(&found)).map_err(Error::io("read", path))
}

fn owner_runs(found: &Metadata) -> bool {
    found.permissions().mode() & OWNER_RUNS != 0
}

fn blocked(path: &str, obstacle: Obstacle) -> Standing {
    Standing::Blocked(path.to_owned(), obstacle)
}
