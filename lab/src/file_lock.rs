//! Locks of files. A lock ends with the file that holds it, also if the process is killed.

use std::fs::File;
use std::path::Path;

use anyhow::{Context as _, Result};
use rustix::fs::{FlockOperation, flock};

/// Creates the file, and waits until no other process has a lock of it.
///
/// # Errors
///
/// When the file cannot be created.
pub fn lock(path: &Path) -> Result<File> {
    let file = File::create(path).with_context(|| path.display().to_string())?;
    flock(&file, FlockOperation::LockExclusive)?;
    Ok(file)
}

/// A lock that several processes may have at the same time.
///
/// # Errors
///
/// When the file does not exist.
pub fn share(path: &Path) -> Result<File> {
    let file = File::open(path).with_context(|| path.display().to_string())?;
    flock(&file, FlockOperation::LockShared)?;
    Ok(file)
}

/// Whether the file exists, and no process has a lock of it.
#[must_use]
pub fn is_free(path: &Path) -> bool {
    let Ok(file) = File::open(path) else { return false };
    flock(&file, FlockOperation::NonBlockingLockExclusive).is_ok()
}
