//! The format of `manifest.json`: which files of an output directory are ours, and with which
//! bytes.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Sha256;

/// The name of the manifest in the output directory.
pub const MANIFEST: &str = "manifest.json";

/// The folder of the output directory in which files are staged.
pub const STAGING: &str = ".staging";

const SCHEMA_VERSION: u32 = 1;

#[derive(Serialize, Deserialize)]
struct ManifestDocument<Files> {
    schema_version: u32,
    files: Files,
}

/// The bytes of a manifest that names these files.
///
/// # Errors
///
/// None: the hashes and paths are text.
pub fn render(files: &BTreeMap<String, Sha256>) -> Result<Vec<u8>, serde_json::Error> {
    let mut bytes =
        serde_json::to_vec_pretty(&ManifestDocument { schema_version: SCHEMA_VERSION, files })?;
    bytes.push(b'\n');
    Ok(bytes)
}

/// Reads the text of a manifest.
///
/// # Errors
///
/// Why the text is not a valid manifest.
pub fn parse(source: &[u8]) -> Result<BTreeMap<String, Sha256>, String> {
    let document: ManifestDocument<BTreeMap<String, Sha256>> =
        serde_json::from_slice(source).map_err(|error| error.to_string())?;
    if document.schema_version != SCHEMA_VERSION {
        return Err(format!("its schema_version is {}, not 1", document.schema_version));
    }
    match document.files.keys().find(|path| !is_plain(path)) {
        Some(path) => Err(format!("`{path}` is not a path below the directory")),
        None => Ok(document.files),
    }
}

/// Whether this is a path that an artifact may have: below the directory, and not one that
/// Meshwright reserves.
pub fn is_plain(path: &str) -> bool {
    let parts_plain = path
        .split('/')
        .all(|part| !matches!(part, "" | "." | "..") && !part.contains(['\0', '\\']));
    let reserved = path.split('/').next().is_some_and(|first| [MANIFEST, STAGING].contains(&first));
    parts_plain && !reserved
}
