//! Atomic writes of single files. The output directory has its own protocol:
//! [`meshwright_compiler::out`].

use std::fs::{self, File, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use tempfile::{Builder, NamedTempFile};

/// Only the owner can read and write.
const PRIVATE: u32 = 0o600;

/// Writes a new file. It has `mode`, reduced by the umask, from its first byte on.
///
/// # Errors
///
/// `AlreadyExists` if the path exists, also as a dangling symlink; otherwise I/O errors.
pub(crate) fn create(path: &Path, mode: u32, bytes: &[u8]) -> io::Result<()> {
    let staged = stage(path, mode, bytes)?;
    staged.persist_noclobber(path).map_err(|fault| fault.error)?;
    sync_folder(path)
}

/// Writes a new file with mode 0600. The umask is ignored: a umask that removes the owner's
/// permissions would create an unreadable file.
///
/// # Errors
///
/// As for [`create`].
pub(crate) fn create_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let staged = stage(path, PRIVATE, bytes)?;
    staged.as_file().set_permissions(Permissions::from_mode(PRIVATE))?;
    staged.persist_noclobber(path).map_err(|fault| fault.error)?;
    sync_folder(path)
}

/// Replaces a file atomically and keeps its mode. Of a symlink, the target is replaced.
///
/// # Errors
///
/// I/O errors; the old file is then unchanged.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let target = fs::canonicalize(path)?;
    let permissions = fs::metadata(&target)?.permissions();
    let staged = stage(&target, permissions.mode(), bytes)?;
    staged.as_file().set_permissions(permissions)?;
    staged.persist(&target).map_err(|fault| fault.error)?;
    sync_folder(&target)
}

/// The beginning of the name of a temporary file.
const TEMPORARY: &str = ".meshwright-";

/// The temporary files of killed runs in a folder; none if it does not exist. A file that another run
/// is writing is locked.
///
/// # Errors
///
/// When the folder cannot be read.
pub(crate) fn leftovers(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut leftovers = Vec::new();
    for entry in entries {
        let entry = entry?;
        let is_temporary = entry.file_name().as_encoded_bytes().starts_with(TEMPORARY.as_bytes());
        if is_temporary && entry.file_type()?.is_file() && !is_locked(&entry.path()) {
            leftovers.push(entry.path());
        }
    }
    Ok(leftovers)
}

fn is_locked(path: &Path) -> bool {
    File::open(path).is_ok_and(|file| file.try_lock().is_err())
}

/// Writes the bytes to a temporary file in the folder of `path`. The file is deleted when dropped.
fn stage(path: &Path, mode: u32, bytes: &[u8]) -> io::Result<NamedTempFile> {
    let mut builder = Builder::new();
    builder.prefix(TEMPORARY).permissions(Permissions::from_mode(mode));
    let mut staged = builder.tempfile_in(folder(path))?;
    // Marks it as in use. A file system without locks does not prevent the write.
    let _ = staged.as_file().lock();
    staged.write_all(bytes)?;
    staged.as_file().sync_all()?;
    Ok(staged)
}

/// Syncs the folder of a file, so that its name survives power loss.
fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(folder(path))?.sync_all()
}

fn folder(path: &Path) -> &Path {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    parent.unwrap_or(Path::new("."))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn creates_and_never_overwrites() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        create(&path, 0o600, b"first").unwrap();
        let again = create(&path, 0o600, b"second").unwrap_err();
        assert_eq!(again.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read(&path).unwrap(), b"first");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o600);
        assert_eq!(names(folder.path()), ["key"]);
    }

    #[test]
    fn leftovers_are_files_that_no_run_writes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        let staged = stage(&path, 0o600, b"in use").unwrap();
        assert_eq!(leftovers(folder.path()).unwrap(), Vec::<PathBuf>::new());
        // A killed run loses its lock and leaves the file.
        let (file, kept) = staged.keep().unwrap();
        drop(file);
        assert_eq!(leftovers(folder.path()).unwrap(), [kept]);
        assert_eq!(leftovers(&folder.path().join("nowhere")).unwrap(), Vec::<PathBuf>::new());
    }

    #[test]
    fn replaces_behind_a_symlink_and_keeps_the_mode() {
        let folder = tempfile::tempdir().unwrap();
        let (target, link) = (folder.path().join("target"), folder.path().join("link"));
        fs::write(&target, "old").unwrap();
        fs::set_permissions(&target, Permissions::from_mode(0o646)).unwrap();
        std::os::unix::fs::symlink("target", &link).unwrap();
        replace(&link, b"new").unwrap();
        assert_eq!(fs::read(&target).unwrap(), b"new");
        assert_eq!(fs::metadata(&target).unwrap().permissions().mode() & 0o7777, 0o646);
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(names(folder.path()), ["link", "target"]);
    }
}
