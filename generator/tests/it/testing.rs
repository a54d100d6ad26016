//! Functions that several test modules use: compile and render the repository's topologies, and read the files
//! of a folder.

#![expect(clippy::expect_used, reason = "clippy exempts only functions under #[test]")]

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use meshwright::overlays;
use meshwright_compiler::artifact::Tree as _;
use meshwright_compiler::check::Checked;
use meshwright_compiler::diagnostic::{self, Format};
use meshwright_compiler::pipeline::{self, Compilation};
use meshwright_compiler::plan::Plan;
use meshwright_compiler::render::Rendering;
use meshwright_compiler::source::Source;
use meshwright_compiler::topology::versions::Versions;
use walkdir::WalkDir;

/// The files that are rendered from a plan, by their paths below `out/`.
pub(crate) type Rendered = BTreeMap<String, Vec<u8>>;

/// Files and folders on disk, by their paths below one folder.
pub(crate) type OnDisk = BTreeMap<String, DiskEntry>;

/// A file or a folder.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct DiskEntry {
    /// The permissions, without the file's type.
    pub(crate) mode: u32,
    /// None for a folder and for a symlink.
    pub(crate) bytes: Option<Vec<u8>>,
}

/// The root of the repository.
pub(crate) fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Each topology whose `out/` beside it is committed, by its path below the repository.
pub(crate) fn examples() -> Vec<String> {
    let root = repository();
    let topologies = fs::read_dir(root.join("examples")).expect("a folder").map(|entry| {
        let name = entry.expect("an entry").file_name().into_string().expect("UTF-8");
        format!("examples/{name}/topology.toml")
    });
    let mut paths: Vec<_> = topologies.chain(["topology.toml".to_owned()]).collect();
    paths.sort();
    assert!(paths.len() > 5, "not all examples are found: {paths:?}");
    paths
}

/// Every topology that is accepted without a warning: the examples, and one that is too large for
/// its files to be committed.
pub(crate) fn topologies() -> Vec<String> {
    let mut paths = examples();
    paths.push("generator/fixtures/accept/large-calico.toml".to_owned());
    paths
}

/// Compiles a file. Messages contain only the last part of its path.
pub(crate) fn compile(path: &Path) -> Compilation {
    let name = path.file_name().expect("a file").to_string_lossy().into_owned();
    let overlays = overlays::beside(path).expect("manifests");
    let source = Source { name, text: fs::read_to_string(path).expect("readable") };
    pipeline::compile_with(source, overlays, Versions::built_in()).expect("no gap in the rules")
}

/// Compiles a text.
pub(crate) fn compile_text(name: &str, text: String) -> Compilation {
    pipeline::compile(Source { name: name.to_owned(), text }).expect("no gap in the rules")
}

/// The report as `check` prints it, without colours.
pub(crate) fn human(compiled: &Compilation) -> String {
    let mut bytes = Vec::new();
    diagnostic::print(&compiled.report, Format::Human, false, &mut bytes).expect("a Vec");
    String::from_utf8(bytes).expect("text")
}

/// Renders every file of a plan.
pub(crate) fn render(plan: &Checked<Plan>) -> Rendered {
    Rendering::new(plan).files().collect()
}

/// Reads every file and folder below a folder. Symlinks are not followed.
pub(crate) fn read(root: &Path) -> OnDisk {
    let entries = WalkDir::new(root).min_depth(1).into_iter().map(|entry| {
        let path = entry.expect("readable").into_path();
        let metadata = fs::symlink_metadata(&path).expect("there");
        let mode = metadata.permissions().mode() & 0o7777;
        let bytes = metadata.is_file().then(|| fs::read(&path).expect("readable"));
        let name = path.strip_prefix(root).expect("below").to_str().expect("UTF-8").to_owned();
        (name, DiskEntry { mode, bytes })
    });
    entries.collect()
}

/// The paths at which two trees differ. They are shorter to print than the bytes of both trees.
pub(crate) fn differences<'a>(one: &'a OnDisk, other: &'a OnDisk) -> Vec<&'a str> {
    let changed = one.iter().filter(|(path, entry)| other.get(*path) != Some(entry));
    let added = other.keys().filter(|path| !one.contains_key(*path));
    changed.map(|(path, _)| path.as_str()).chain(added.map(String::as_str)).collect()
}
