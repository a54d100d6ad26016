//! The tree that is proven: a directory, or files in memory.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use meshwright_value::manifest::STAGING;

/// Files by their path below the output directory, with `/` between folders.
pub trait TreeFiles: Sync {
    /// All paths.
    ///
    /// # Errors
    ///
    /// When they cannot be listed, with the path that could not.
    fn paths(&self) -> Result<Vec<String>, TreeReadError>;

    /// The paths of symlinks, devices and the like, which are not read.
    ///
    /// # Errors
    ///
    /// When they cannot be listed, with the path that could not.
    fn irregular(&self) -> Result<Vec<String>, TreeReadError> {
        Ok(Vec::new())
    }

    /// The bytes of one file.
    ///
    /// # Errors
    ///
    /// When it cannot be read.
    fn read(&self, path: &str) -> Result<Vec<u8>, TreeReadError>;

    /// Whether it must have a manifest. Files in memory were not written, and have none.
    fn needs_manifest(&self) -> bool {
        false
    }

    /// Whether the owner of a file can execute it. Files in memory have no modes.
    ///
    /// # Errors
    ///
    /// When the operating system does not tell.
    fn is_executable(&self, path: &str) -> Result<bool, TreeReadError> {
        let _ = path;
        Ok(true)
    }
}

/// The operating system refused to list or read a path.
#[derive(Debug, thiserror::Error)]
#[error("cannot read {}: {source}", path.display())]
pub struct TreeReadError {
    /// The path.
    pub path: PathBuf,
    /// The reason.
    pub source: io::Error,
}

/// An output directory.
#[derive(Debug)]
pub struct OutputDirectory<'path>(pub &'path Path);

impl TreeFiles for OutputDirectory<'_> {
    fn paths(&self) -> Result<Vec<String>, TreeReadError> {
        Ok(Listing::of(self.0)?.files)
    }

    fn read(&self, path: &str) -> Result<Vec<u8>, TreeReadError> {
        let path = self.0.join(path);
        let failed = |source| TreeReadError { path: path.clone(), source };
        // A symlink may lead to a device that never ends, such as /dev/zero.
        if !fs::symlink_metadata(&path).map_err(failed)?.is_file() {
            return Err(failed(io::Error::other("it is not a regular file")));
        }
        fs::read(&path).map_err(failed)
    }

    fn irregular(&self) -> Result<Vec<String>, TreeReadError> {
        Ok(Listing::of(self.0)?.irregular)
    }

    fn needs_manifest(&self) -> bool {
        true
    }

    fn is_executable(&self, path: &str) -> Result<bool, TreeReadError> {
        let path = self.0.join(path);
        let metadata = fs::metadata(&path).map_err(|source| TreeReadError { path, source })?;
        Ok(metadata.permissions().mode() & 0o100 != 0)
    }
}

/// Entries of git and of macOS' Finder, which no host and no cluster reads.
const OF_OTHER_PROGRAMS: [&str; 5] =
    [".git", ".gitattributes", ".gitignore", ".gitkeep", ".DS_Store"];

/// The entries below a directory.
#[derive(Default)]
struct Listing {
    files: Vec<String>,
    irregular: Vec<String>,
}

impl Listing {
    fn of(root: &Path) -> Result<Self, TreeReadError> {
        let mut listing = Self::default();
        listing.add(root, "")?;
        Ok(listing)
    }

    /// Symlinks are not followed: the writer never makes one. Its own staging folder is left out.
    fn add(&mut self, root: &Path, folder: &str) -> Result<(), TreeReadError> {
        let dir = root.join(folder);
        let failed = |source| TreeReadError { path: dir.clone(), source };
        for entry in fs::read_dir(&dir).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let kind = entry.file_type().map_err(failed)?;
            let file_name = entry.file_name();
            let name = file_name.to_string_lossy();
            if folder.is_empty() && name == STAGING || OF_OTHER_PROGRAMS.contains(&&*name) {
                continue;
            }
            let path =
                if folder.is_empty() { name.to_string() } else { format!("{folder}/{name}") };
            let has_text_name = file_name.to_str().is_some();
            if kind.is_dir() && has_text_name {
                self.add(root, &path)?;
            } else if kind.is_file() && has_text_name {
                self.files.push(path);
            } else {
                self.irregular.push(path);
            }
        }
        Ok(())
    }
}

/// Files in memory, as text or as bytes.
impl<B: AsRef<[u8]> + Sync> TreeFiles for BTreeMap<String, B> {
    fn paths(&self) -> Result<Vec<String>, TreeReadError> {
        Ok(self.keys().cloned().collect())
    }

    fn read(&self, path: &str) -> Result<Vec<u8>, TreeReadError> {
        let missing =
            || TreeReadError { path: path.into(), source: io::ErrorKind::NotFound.into() };
        self.get(path).map(|file| file.as_ref().to_vec()).ok_or_else(missing)
    }
}
