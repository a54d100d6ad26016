//! `.staging/`: where new bytes wait until all of them are there.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, ErrorKind, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use meshwright_value::manifest::STAGING;

use super::error::{Error, Obstacle};
use super::landing::Journal;
use super::{MANIFEST, landing};

/// Marks the folder as ours, and hides what a killed run leaves from git.
const MARK: (&str, &str) = (".gitignore", "# meshwright: deleted or finished by the next run\n*\n");

const FILE_MODE: u32 = 0o644;
const SCRIPT_MODE: u32 = 0o755;
const FOLDER_MODE: u32 = 0o755;

/// The staged files of one run. Dropped before its commit point, it leaves nothing behind.
pub(super) struct Staging<'a> {
    root: &'a Path,
    /// Whether the folder is there, with its mark.
    opened: Mutex<bool>,
    committed: bool,
}

impl<'a> Staging<'a> {
    /// Touches nothing yet: the folder appears with its first file.
    pub(super) fn new(root: &'a Path) -> Self {
        Self { root, opened: Mutex::new(false), committed: false }
    }

    /// Stages a file under a name of its own.
    pub(super) fn write(&self, name: &str, bytes: &[u8]) -> Result<(), Error> {
        self.open()?;
        let path = at(self.root, name);
        create_file(&path, bytes).map(drop).map_err(Error::io("write", path))
    }

    /// Creates the folder. It is flat: a folder for each part is one more to create and remove.
    ///
    /// The others wait for the mark: a run killed before it must leave nothing else in the folder.
    fn open(&self) -> Result<(), Error> {
        let mut opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        if *opened {
            return Ok(());
        }
        let folder = self.root.join(STAGING);
        if ensure_folder(&folder)? {
            let mark = folder.join(MARK.0);
            create_file(&mark, MARK.1.as_bytes()).map_err(Error::io("write", mark))?;
        }
        *opened = true;
        Ok(())
    }

    /// The commit point: from here on, the next run finishes what this one does not.
    pub(super) fn commit(mut self, manifest: &[u8], journal: &Journal) -> Result<(), Error> {
        self.open()?;
        replace_synced(self.root, MANIFEST, manifest)?;
        replace_synced(self.root, landing::JOURNAL, &journal.render()?)?;
        self.committed = true;
        Ok(())
    }
}

impl Drop for Staging<'_> {
    fn drop(&mut self) {
        if !self.committed {
            // What cannot be deleted now is deleted by the next run.
            let _ = clear(self.root);
        }
    }
}

/// The path of a staged file.
pub(super) fn at(root: &Path, name: &str) -> PathBuf {
    root.join(STAGING).join(name)
}

/// Writes a file of the staging folder such that it is on disk, whole, or not there at all.
pub(super) fn replace_synced(root: &Path, name: &str, bytes: &[u8]) -> Result<(), Error> {
    let folder = root.join(STAGING);
    let (path, part) = (folder.join(name), folder.join(format!("{name}.part")));
    create_file(&part, bytes)
        .and_then(|file| file.sync_all())
        .map_err(Error::io("write", &part))?;
    fs::rename(&part, &path).map_err(Error::io("write", &path))?;
    File::open(&folder).and_then(|folder| folder.sync_all()).map_err(Error::io("sync", folder))
}

/// Whether there is a staging folder.
///
/// # Errors
///
/// [`Error::Refused`] if it is somebody else's, which is never deleted.
pub(super) fn exists(root: &Path) -> Result<bool, Error> {
    let folder = root.join(STAGING);
    let obstacle = match fs::symlink_metadata(&folder) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(Error::io("read", folder)(error)),
        Ok(found) if found.is_symlink() => Obstacle::Symlink,
        Ok(found) if !found.is_dir() => Obstacle::NotADirectory,
        Ok(_) if is_marked(&folder).map_err(Error::io("read", &folder))? => return Ok(true),
        Ok(_) => Obstacle::Foreign,
    };
    let obstacles = BTreeMap::from([(STAGING.to_owned(), obstacle)]);
    Err(Error::Refused { dir: root.to_owned(), obstacles })
}

/// A folder is ours if it is empty or has our mark, which a crash may have cut short.
fn is_marked(folder: &Path) -> io::Result<bool> {
    match fs::read(folder.join(MARK.0)) {
        Ok(mark) => Ok(MARK.1.as_bytes().starts_with(&mark)),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            Ok(fs::read_dir(folder)?.next().is_none())
        }
        Err(error) => Err(error),
    }
}

/// Deletes the staging folder; the journal first, since without it the rest means nothing, and the
/// mark last, since without it the rest is not ours.
pub(super) fn clear(root: &Path) -> Result<(), Error> {
    let folder = root.join(STAGING);
    ignore_missing(fs::remove_file(folder.join(landing::JOURNAL)))
        .and_then(|()| ignore_missing(remove_staged(&folder)))
        .and_then(|()| ignore_missing(fs::remove_dir_all(&folder)))
        .map_err(Error::io("remove", folder))
}

fn remove_staged(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_name() != MARK.0 && entry.file_type()?.is_file() {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// Takes an error that says "already gone" for success.
pub(super) fn ignore_missing(done: io::Result<()>) -> io::Result<()> {
    done.or_else(|error| if error.kind() == ErrorKind::NotFound { Ok(()) } else { Err(error) })
}

/// Creates a folder with our mode, whatever the umask.
pub(super) fn create_folder(path: &Path) -> io::Result<()> {
    fs::create_dir(path)?;
    fs::set_permissions(path, Permissions::from_mode(FOLDER_MODE))
}

/// Creates a folder unless it is there, and says whether it did.
fn ensure_folder(path: &Path) -> Result<bool, Error> {
    match create_folder(path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(Error::io("create", path)(error)),
    }
}

/// Whether a file is one that people run: the mode follows the content, so no renderer chooses one.
pub(super) fn is_script(bytes: &[u8]) -> bool {
    bytes.starts_with(b"#!")
}

fn create_file(path: &Path, bytes: &[u8]) -> io::Result<File> {
    let mode = if is_script(bytes) { SCRIPT_MODE } else { FILE_MODE };
    let mut file =
        OpenOptions::new().write(true).create(true).truncate(true).mode(mode).open(path)?;
    // The umask seldom takes a bit of this mode, and to look is cheaper than to set.
    if file.metadata()?.permissions().mode() & 0o7777 != mode {
        file.set_permissions(Permissions::from_mode(mode))?;
    }
    file.write_all(bytes)?;
    Ok(file)
}
