//! The output directory itself: opened, locked, and created if it is missing.

use std::fs::{self, File};
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use super::error::OutError;
use super::staging::create_folder;

/// The output directory, locked for as long as this lives.
pub(super) struct Root {
    path: PathBuf,
    created: bool,
    /// Holds the lock; none if the directory does not exist.
    _handle: Option<File>,
}

impl Root {
    /// Opens the directory for writing, and waits until no other run uses it.
    pub(super) fn claim(dir: &Path) -> Result<Self, OutError> {
        loop {
            let created = create(dir)?;
            let Some(handle) = open(dir)? else { continue };
            handle.lock().map_err(OutError::io("lock", dir))?;
            if is_same_directory(&handle, dir)? {
                return Ok(Self { path: dir.to_owned(), created, _handle: Some(handle) });
            }
        }
    }

    /// Opens the directory for reading, and waits until no other run writes. It need not exist.
    pub(super) fn observe(dir: &Path) -> Result<Self, OutError> {
        let handle = open(dir)?;
        if let Some(handle) = &handle {
            handle.lock_shared().map_err(OutError::io("lock", dir))?;
        }
        Ok(Self { path: dir.to_owned(), created: false, _handle: handle })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Removes the directory again if it was created here and is empty.
    pub(super) fn abandon(self) {
        if self.created {
            let _ = fs::remove_dir(&self.path);
        }
    }
}

fn create(dir: &Path) -> Result<bool, OutError> {
    match create_folder(dir) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(OutError::io("create", dir)(error)),
    }
}

/// Opens a directory; none if the name does not exist. A dangling symlink is an error.
fn open(dir: &Path) -> Result<Option<File>, OutError> {
    let handle = match File::open(dir) {
        Err(error) if error.kind() == ErrorKind::NotFound && fs::symlink_metadata(dir).is_err() => {
            return Ok(None);
        }
        opened => opened.map_err(OutError::io("open", dir))?,
    };
    let found = handle.metadata().map_err(OutError::io("read", dir))?;
    if !found.is_dir() {
        return Err(OutError::NotADirectory { path: dir.to_owned() });
    }
    Ok(Some(handle))
}

/// Whether the name still refers to the locked directory: a run that failed removes the directory that
/// it created.
fn is_same_directory(handle: &File, dir: &Path) -> Result<bool, OutError> {
    let locked = handle.metadata().map_err(OutError::io("read", dir))?;
    match fs::metadata(dir) {
        Ok(named) => Ok((named.dev(), named.ino()) == (locked.dev(), locked.ino())),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(OutError::io("read", dir)(error)),
    }
}
