//! The tree that is proven: a directory, or files in memory.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

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
        Ok(self.listing()?.regular)
    }

    fn irregular(&self) -> Result<Vec<String>, TreeReadError> {
        Ok(self.listing()?.irregular)
    }

    fn read(&self, path: &str) -> Result<Vec<u8>, TreeReadError> {
        let path = self.0.join(path);
        fs::read(&path).map_err(|source| TreeReadError { path, source })
    }
}

impl OutputDirectory<'_> {
    fn listing(&self) -> Result<FolderListing, TreeReadError> {
        let mut listing = FolderListing::default();
        list(self.0, "", &mut listing)?;
        Ok(listing)
    }
}

/// The paths below a folder.
#[derive(Default)]
struct FolderListing {
    regular: Vec<String>,
    irregular: Vec<String>,
}

/// Symlinks are never emitted, and are not followed. Names that begin with a dot, such as the writer's
/// staging folder, are not artifacts.
fn list(root: &Path, folder: &str, listing: &mut FolderListing) -> Result<(), TreeReadError> {
    let dir = root.join(folder);
    let failed = |source| TreeReadError { path: dir.clone(), source };
    for entry in fs::read_dir(&dir).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let kind = entry.file_type().map_err(failed)?;
        let name = entry.file_name();
        let Some(name) = name.to_str().filter(|name| !name.starts_with('.')) else { continue };
        let path = if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") };
        if kind.is_dir() {
            list(root, &path, listing)?;
        } else if kind.is_file() {
            listing.regular.push(path);
        } else {
            listing.irregular.push(path);
        }
    }
    Ok(())
}

impl TreeFiles for BTreeMap<String, String> {
    fn paths(&self) -> Result<Vec<String>, TreeReadError> {
        Ok(self.keys().cloned().collect())
    }

    fn read(&self, path: &str) -> Result<Vec<u8>, TreeReadError> {
        let missing =
            || TreeReadError { path: path.into(), source: io::ErrorKind::NotFound.into() };
        self.get(path).map(|text| text.clone().into_bytes()).ok_or_else(missing)
    }
}
