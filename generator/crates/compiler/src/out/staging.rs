//! `.staging/`: holds new files until all of them are complete.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, ErrorKind, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use meshwright_value::manifest::STAGING;

use super::commit::Journal;
use super::error::{Obstacle, OutError};
use super::{MANIFEST, commit};
use crate::artifact::FileMode;

/// Marks the folder as ours, and hides the files of a killed run from git.
const MARK: (&str, &str) = (".gitignore", "# meshwright: deleted or finished by the next run\n*\n");

/// The staged files of one run. If it is dropped before its commit point, the files are deleted.
pub(super) struct Staging<'a> {
    root: &'a Path,
    /// Whether the folder exists, with its mark.
    opened: Mutex<bool>,
    committed: bool,
}

impl<'a> Staging<'a> {
    /// Creates nothing yet: the folder is created with its first file.
    pub(super) fn new(root: &'a Path) -> Self {
        Self { root, opened: Mutex::new(false), committed: false }
    }

    /// Stages a file under a unique name.
    pub(super) fn write(&self, name: &str, bytes: &[u8]) -> Result<(), OutError> {
        self.open()?;
        let path = staged_path(self.root, name);
        create_file(&path, bytes).map(drop).map_err(OutError::io("write", path))
    }

    /// Creates the folder. It is flat: a folder for each part would be one more to create and remove.
    ///
    /// Other threads wait for the mark: a run killed before it must leave no other file in the folder.
    fn open(&self) -> Result<(), OutError> {
        let mut opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        if *opened {
            return Ok(());
        }
        let folder = self.root.join(STAGING);
        if ensure_folder(&folder)? {
            let mark = folder.join(MARK.0);
            create_file(&mark, MARK.1.as_bytes()).map_err(OutError::io("write", mark))?;
        }
        *opened = true;
        Ok(())
    }

    /// The commit point: from here on, the next run finishes an interrupted commit.
    pub(super) fn commit(mut self, manifest: &[u8], journal: &Journal) -> Result<(), OutError> {
        self.open()?;
        replace_synced(self.root, MANIFEST, manifest)?;
        replace_synced(self.root, commit::JOURNAL, &journal.render()?)?;
        self.committed = true;
        Ok(())
    }
}

impl Drop for Staging<'_> {
    fn drop(&mut self) {
        if !self.committed {
            // The next run deletes files that cannot be deleted now.
            let _ = clear(self.root);
        }
    }
}

/// The path of a staged file.
pub(super) fn staged_path(root: &Path, name: &str) -> PathBuf {
    root.join(STAGING).join(name)
}

/// Writes a file of the staging folder atomically: it is complete on disk, or absent.
pub(super) fn replace_synced(root: &Path, name: &str, bytes: &[u8]) -> Result<(), OutError> {
    let folder = root.join(STAGING);
    let (path, part) = (folder.join(name), folder.join(format!("{name}.part")));
    create_file(&part, bytes)
        .and_then(|file| file.sync_all())
        .map_err(OutError::io("write", &part))?;
    fs::rename(&part, &path).map_err(OutError::io("write", &path))?;
    File::open(&folder).and_then(|folder| folder.sync_all()).map_err(OutError::io("sync", folder))
}

/// Whether there is a staging folder.
///
/// # Errors
///
/// [`OutError::Refused`] if it is not ours; it is then never deleted.
pub(super) fn exists(root: &Path) -> Result<bool, OutError> {
    let folder = root.join(STAGING);
    let obstacle = match fs::symlink_metadata(&folder) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(OutError::io("read", folder)(error)),
        Ok(found) if found.is_symlink() => Obstacle::Symlink,
        Ok(found) if !found.is_dir() => Obstacle::NotADirectory,
        Ok(_) if is_marked(&folder).map_err(OutError::io("read", &folder))? => return Ok(true),
        Ok(_) => Obstacle::Foreign,
    };
    let obstacles = BTreeMap::from([(STAGING.to_owned(), obstacle)]);
    Err(OutError::Refused { dir: root.to_owned(), obstacles })
}

/// A folder is ours if it is empty or has our mark, which a crash may have truncated.
fn is_marked(folder: &Path) -> io::Result<bool> {
    match fs::read(folder.join(MARK.0)) {
        Ok(mark) => Ok(MARK.1.as_bytes().starts_with(&mark)),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            Ok(fs::read_dir(folder)?.next().is_none())
        }
        Err(error) => Err(error),
    }
}

/// Deletes the staging folder: the journal first, since the other files have no meaning without it,
/// and the mark last, since without it the folder is not ours.
pub(super) fn clear(root: &Path) -> Result<(), OutError> {
    let folder = root.join(STAGING);
    ignore_missing(fs::remove_file(folder.join(commit::JOURNAL)))
        .and_then(|()| ignore_missing(remove_staged(&folder)))
        .and_then(|()| ignore_missing(fs::remove_dir_all(&folder)))
        .map_err(OutError::io("remove", folder))
}

fn remove_staged(folder: &Path) -> io::Result<()> {
    for found in fs::read_dir(folder)? {
        let entry = found?;
        if entry.file_name() != MARK.0 && entry.file_type()?.is_file() {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// Treats the error "not found" as success.
pub(super) fn ignore_missing(done: io::Result<()>) -> io::Result<()> {
    done.or_else(|error| if error.kind() == ErrorKind::NotFound { Ok(()) } else { Err(error) })
}

/// Creates a folder with our mode, whatever the umask.
pub(super) fn create_folder(path: &Path) -> io::Result<()> {
    fs::create_dir(path)?;
    fs::set_permissions(path, Permissions::from_mode(FileMode::Plain.folder_bits()))
}

/// Creates a folder unless it exists, and returns whether it did.
fn ensure_folder(path: &Path) -> Result<bool, OutError> {
    match create_folder(path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(OutError::io("create", path)(error)),
    }
}

fn create_file(path: &Path, bytes: &[u8]) -> io::Result<File> {
    let mode = FileMode::from_content(bytes).bits();
    let mut file =
        OpenOptions::new().write(true).create(true).truncate(true).mode(mode).open(path)?;
    // The umask seldom removes a bit of this mode, and reading the mode is cheaper than setting it.
    if file.metadata()?.permissions().mode() & 0o7777 != mode {
        file.set_permissions(Permissions::from_mode(mode))?;
    }
    file.write_all(bytes)?;
    Ok(file)
}
