//! The manifest of an output directory: the list of our files.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

use meshwright_value::Sha256;
use meshwright_value::manifest::{MANIFEST, parse};

use super::error::OutError;

/// Our files in the output directory, without the manifest itself.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct OutManifest {
    files: BTreeMap<String, Sha256>,
    /// The bytes that it was read from; none if there was no file.
    source: Option<Vec<u8>>,
}

impl OutManifest {
    /// Reads the manifest of an output directory; a missing one names no file.
    ///
    /// # Errors
    ///
    /// [`OutError::Manifest`] if it is not a manifest of ours, [`OutError::Io`] if it cannot be read.
    pub fn read(dir: &Path) -> Result<Self, OutError> {
        Self::read_file(&dir.join(MANIFEST))
    }

    pub(super) fn read_file(path: &Path) -> Result<Self, OutError> {
        let source = match fs::symlink_metadata(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(OutError::io("read", path)(error)),
            Ok(found) if !found.is_file() => {
                return Err(unusable(path, "it is not a regular file".to_owned()));
            }
            Ok(_) => fs::read(path).map_err(OutError::io("read", path))?,
        };
        let files = parse(&source).map_err(|reason| unusable(path, reason))?;
        Ok(Self { files, source: Some(source) })
    }

    /// The paths, with `/` between folders, and the hashes they had when they were written.
    pub fn files(&self) -> &BTreeMap<String, Sha256> {
        &self.files
    }

    pub(super) fn source(&self) -> Option<&[u8]> {
        self.source.as_deref()
    }

    /// Sets the hash of a file; without one, the file is no longer ours.
    pub(super) fn set(&mut self, path: &str, digest: Option<Sha256>) {
        match digest {
            Some(digest) => self.files.insert(path.to_owned(), digest),
            None => self.files.remove(path),
        };
    }
}

fn unusable(path: &Path, reason: String) -> OutError {
    OutError::Manifest { path: path.to_owned(), reason }
}
