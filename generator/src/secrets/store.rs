//! The folder that keeps the secrets: files of mode 0600 in folders of mode 0700, hidden from git.

use std::fs::{self, DirBuilder};
use std::io::{self, ErrorKind};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::file;

/// Keeps git from taking what is in the store.
const GITIGNORE: (&str, &str) = (".gitignore", "*\n");

/// More than any secret has; a larger file is none of ours.
const LARGEST: u64 = 64 * 1024;

/// Why the store cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("cannot {action} {}: {source}", path.display())]
pub(crate) struct Error {
    /// A verb: `read`, `create`.
    pub action: &'static str,
    /// What it was done to.
    pub path: PathBuf,
    /// The system's word.
    pub source: io::Error,
}

/// The store of one cluster. It need not exist before something is put into it.
#[derive(Debug)]
pub(crate) struct Store {
    root: PathBuf,
}

impl Store {
    /// The store in that folder.
    #[must_use]
    pub(crate) fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// The path of a secret, for messages.
    #[must_use]
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// Reads a secret; none if there is no such file.
    pub(super) fn read(&self, name: &str) -> Result<Option<Zeroizing<Vec<u8>>>, Error> {
        let path = self.path(name);
        match read_small(&path) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(source) => Err(Error { action: "read", path, source }),
        }
    }

    /// The names of the folders in a folder, in their order; none if it is not there.
    pub(super) fn folders(&self, name: &str) -> Result<Vec<String>, Error> {
        let path = self.path(name);
        match read_names(&path) {
            Ok(names) => Ok(names),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Vec::new()),
            Err(source) => Err(Error { action: "read", path, source }),
        }
    }

    /// Keeps a secret that is not there yet; nothing is ever overwritten.
    pub(super) fn create(&self, name: &str, bytes: &[u8]) -> Result<(), Error> {
        let path = self.path(name);
        self.open()?;
        let folder = path.parent().unwrap_or(&self.root);
        make_folder(folder)?;
        file::create(&path, 0o600, bytes).map_err(|source| Error { action: "create", path, source })
    }

    fn open(&self) -> Result<(), Error> {
        make_folder(&self.root)?;
        let path = self.root.join(GITIGNORE.0);
        match file::create(&path, 0o600, GITIGNORE.1.as_bytes()) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
            created => created.map_err(|source| Error { action: "create", path, source }),
        }
    }
}

fn read_names(folder: &Path) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            names.extend(entry.file_name().into_string());
        }
    }
    names.sort();
    Ok(names)
}

/// Creates a folder and its parents, private from the moment they exist.
fn make_folder(folder: &Path) -> Result<(), Error> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
    made.map_err(|source| Error { action: "create", path: folder.to_owned(), source })
}

/// Reads into a buffer of the right size: one that grows leaves copies behind.
fn read_small(path: &Path) -> io::Result<Zeroizing<Vec<u8>>> {
    let mut file = fs::File::open(path)?;
    let length = file.metadata()?.len();
    if length > LARGEST {
        return Err(io::Error::new(ErrorKind::FileTooLarge, "too large for a secret"));
    }
    let mut bytes = Zeroizing::new(vec![0; usize::try_from(length).unwrap_or_default()]);
    io::Read::read_exact(&mut file, &mut bytes)?;
    Ok(bytes)
}
