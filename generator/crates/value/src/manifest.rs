//! The format of `manifest.json`: which files of an output directory are ours, and with which bytes.

use std::collections::BTreeMap;
use std::fmt::{self, Display};
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use sha2::{Digest as _, Sha256};

/// The name of the manifest in the output directory.
pub const MANIFEST: &str = "manifest.json";

/// The folder of the output directory in which files are staged.
pub const STAGING: &str = ".staging";

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

#[derive(Serialize, Deserialize)]
struct Document<Files> {
    schema_version: u32,
    files: Files,
}

/// The bytes of a manifest that names these files.
///
/// # Errors
///
/// None that is known: the hashes and paths are text.
pub fn render(files: &BTreeMap<String, Digest>) -> Result<Vec<u8>, serde_json::Error> {
    let mut bytes = serde_json::to_vec_pretty(&Document { schema_version: SCHEMA_VERSION, files })?;
    bytes.push(b'\n');
    Ok(bytes)
}

/// Reads the text of a manifest.
///
/// # Errors
///
/// Why the text is not a valid manifest.
pub fn parse(source: &[u8]) -> Result<BTreeMap<String, Digest>, String> {
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

/// Whether this is a path that an artifact may have: below the directory, and not one of our own.
pub fn is_plain(path: &str) -> bool {
    let parts_plain = path
        .split('/')
        .all(|part| !matches!(part, "" | "." | "..") && !part.contains(['\0', '\\']));
    let reserved = path.split('/').next().is_some_and(|first| [MANIFEST, STAGING].contains(&first));
    parts_plain && !reserved
}
