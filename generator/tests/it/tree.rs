//! What lies below a folder, to be compared.

#![expect(clippy::expect_used, reason = "clippy knows tests by their attribute, not their helpers")]

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use walkdir::WalkDir;

/// Each path below a folder, with what is there.
pub(crate) type Tree = BTreeMap<String, Entry>;

/// A file or a folder.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    /// The permissions, without the file's type.
    pub(crate) mode: u32,
    /// None is a folder.
    pub(crate) bytes: Option<Vec<u8>>,
}

/// Reads all that is below a folder.
pub(crate) fn read(root: &Path) -> Tree {
    let entries = WalkDir::new(root).min_depth(1).into_iter();
    entries.map(|entry| named(root, entry.expect("readable").path())).collect()
}

fn named(root: &Path, path: &Path) -> (String, Entry) {
    let metadata = fs::symlink_metadata(path).expect("there");
    let mode = metadata.permissions().mode() & 0o7777;
    let bytes = metadata.is_file().then(|| fs::read(path).expect("readable"));
    let name = path.strip_prefix(root).expect("below").to_str().expect("UTF-8").to_owned();
    (name, Entry { mode, bytes })
}

/// The paths at which two trees differ; to say which is better than to show all bytes of both.
pub(crate) fn differences<'a>(one: &'a Tree, other: &'a Tree) -> Vec<&'a str> {
    let paths = one.iter().filter(|(path, entry)| other.get(*path) != Some(entry));
    let more = other.keys().filter(|path| !one.contains_key(*path));
    paths.map(|(path, _)| path.as_str()).chain(more.map(String::as_str)).collect()
}
