//! `manifest.json`: which files of the output directory are ours, and with which bytes.

use std::collections::BTreeMap;
use std::fmt::{self, Display};
use std::fs;
use std::io;
use std::path::Path;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use sha2::{Digest as _, Sha256};

use super::error::Error;
use super::{MANIFEST, staging};

const SCHEMA_VERSION: u32 = 1;

/// A SHA-256 hash; as text 64 lower-case hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Digest([u8; 32]);

impl Digest {
    /// The hash of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }
}

impl Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl FromStr for Digest {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || format!("`{text}` is not a SHA-256 hash");
        if text.len() != 64 || !text.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'))
        {
            return Err(wrong());
        }
        let mut bytes = [0; 32];
        for (byte, at) in bytes.iter_mut().zip((0..).step_by(2)) {
            *byte = u8::from_str_radix(&text[at..at + 2], 16).map_err(|_| wrong())?;
        }
        Ok(Self(bytes))
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

/// The files of the output directory that are ours, without the manifest itself.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Manifest {
    files: BTreeMap<String, Digest>,
    /// The bytes it was read from; none if there was no file.
    source: Option<Vec<u8>>,
}

#[derive(Serialize, Deserialize)]
struct Document<Files> {
    schema_version: u32,
    files: Files,
}

impl Manifest {
    /// Reads the manifest of an output directory; a missing one names no file.
    ///
    /// # Errors
    ///
    /// [`Error::Manifest`] if it is not one of ours, [`Error::Io`] if it cannot be read.
    pub fn read(dir: &Path) -> Result<Self, Error> {
        Self::read_file(&dir.join(MANIFEST))
    }

    pub(super) fn read_file(path: &Path) -> Result<Self, Error> {
        let source = match fs::symlink_metadata(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(Error::io("read", path)(error)),
            Ok(found) if !found.is_file() => {
                return Err(unusable(path, "it is not a regular file".to_owned()));
            }
            Ok(_) => fs::read(path).map_err(Error::io("read", path))?,
        };
        let files = parse(&source).map_err(|reason| unusable(path, reason))?;
        Ok(Self { files, source: Some(source) })
    }

    /// The paths, with `/` between folders, and the hashes they had when they were written.
    pub fn files(&self) -> &BTreeMap<String, Digest> {
        &self.files
    }

    pub(super) fn source(&self) -> Option<&[u8]> {
        self.source.as_deref()
    }

    /// Sets the hash of a file; without one, the file is no longer ours.
    pub(super) fn set(&mut self, path: &str, digest: Option<Digest>) {
        match digest {
            Some(digest) => self.files.insert(path.to_owned(), digest),
            None => self.files.remove(path),
        };
    }
}

/// The bytes of a manifest that names these files.
///
/// # Errors
///
/// None that is known: the hashes and paths are text.
pub(super) fn render(files: &BTreeMap<String, Digest>) -> Result<Vec<u8>, serde_json::Error> {
    let mut bytes = serde_json::to_vec_pretty(&Document { schema_version: SCHEMA_VERSION, files })?;
    bytes.push(b'\n');
    Ok(bytes)
}

/// Reads the text of a manifest.
pub(crate) fn parse(source: &[u8]) -> Result<BTreeMap<String, Digest>, String> {
    let document: Document<BTreeMap<String, Digest>> =
        serde_json::from_slice(source).map_err(|error| error.to_string())?;
    if document.schema_version != SCHEMA_VERSION {
        return Err(format!("its schema_version is {}, not 1", document.schema_version));
    }
    match document.files.keys().find(|path| !is_plain(path)) {
        Some(path) => Err(format!("`{path}` is no path below the directory")),
        None => Ok(document.files),
    }
}

fn unusable(path: &Path, reason: String) -> Error {
    Error::Manifest { path: path.to_owned(), reason }
}

/// Whether this is a path that an artifact may have: below the directory, and not one of our own.
pub(super) fn is_plain(path: &str) -> bool {
    let parts_plain = path
        .split('/')
        .all(|part| !matches!(part, "" | "." | "..") && !part.contains(['\0', '\\']));
    let reserved =
        path.split('/').next().is_some_and(|first| [MANIFEST, staging::FOLDER].contains(&first));
    parts_plain && !reserved
}
