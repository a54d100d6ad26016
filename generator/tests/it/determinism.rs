//! The same topology gives the same bytes, whatever the environment of the process is.

#![expect(clippy::expect_used, reason = "clippy knows tests by their attribute, not their helpers")]

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use tempfile::TempDir;

use crate::program::{ended, generate};
use crate::testing::{self, OnDisk};

/// A topology with everything that has an order: sites, a relay, clients.
fn topology() -> String {
    let path = testing::repository().join("examples/high-availability/topology.toml");
    fs::read_to_string(path).expect("readable")
}

/// A folder with a topology and its `out/`.
struct TopologyFolder {
    folder: TempDir,
    topology: PathBuf,
    out: PathBuf,
}

impl TopologyFolder {
    fn with(text: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let (topology, out) = (folder.path().join("topology.toml"), folder.path().join("out"));
        fs::write(&topology, text).expect("written");
        Self { folder, topology, out }
    }

    fn generate(&self) -> Command {
        generate(&self.topology, &self.out)
    }

    /// Runs a command, and returns the tree that it wrote.
    fn after(&self, command: &mut Command) -> OnDisk {
        let (code, stderr) = ended(command);
        assert_eq!(code, Some(0), "{command:?}: {stderr}");
        testing::read(&self.out)
    }
}

/// The tree with which all others are compared.
fn plain() -> OnDisk {
    let place = TopologyFolder::with(&topology());
    place.after(&mut place.generate())
}

#[test]
fn no_environment_variable_changes_the_tree() {
    let plain = plain();
    for (name, value) in [
        ("HOME", "/nonexistent"),
        ("TZ", "Pacific/Chatham"),
        ("LANG", "zh_CN.GB18030"),
        ("LC_ALL", "tr_TR.UTF-8"),
        ("SOURCE_DATE_EPOCH", "1"),
        ("USER", "nobody"),
    ] {
        let place = TopologyFolder::with(&topology());
        let tree = place.after(place.generate().env(name, value));
        assert_eq!(testing::differences(&plain, &tree), [""; 0], "{name}");
    }
    let place = TopologyFolder::with(&topology());
    let tree = place.after(place.generate().env_clear());
    assert_eq!(testing::differences(&plain, &tree), [""; 0], "without any variable");
}

#[test]
fn no_umask_changes_the_tree() {
    let plain = plain();
    for umask in ["000", "027", "077", "777"] {
        let place = TopologyFolder::with(&topology());
        let generate = place.generate();
        let mut shell = Command::new("sh");
        shell.args(["-c", "umask $0; exec \"$@\"", umask]);
        let tree = place.after(shell.arg(generate.get_program()).args(generate.get_args()));
        assert_eq!(testing::differences(&plain, &tree), [""; 0], "umask {umask}");
    }
}

#[test]
fn no_working_directory_changes_the_tree() {
    let plain = plain();
    let place = TopologyFolder::with(&topology());
    let tree = place.after(place.generate().current_dir("/"));
    assert_eq!(testing::differences(&plain, &tree), [""; 0], "at the root");

    let place = TopologyFolder::with(&topology());
    let mut beside = Command::new(place.generate().get_program());
    let tree = place.after(beside.arg("generate").current_dir(place.folder.path()));
    assert_eq!(testing::differences(&plain, &tree), [""; 0], "beside the topology");
}

#[test]
fn no_order_of_nodes_changes_the_tree() {
    let plain = plain();
    let mut document: toml::Table = toml::from_str(&topology()).expect("TOML");
    let nodes = document["nodes"].as_array().expect("nodes").clone();
    let backwards = nodes.iter().rev().cloned().collect();
    let turned = (1..nodes.len()).map(|by| [&nodes[by..], &nodes[..by]].concat());
    for order in turned.chain([backwards]) {
        document.insert("nodes".to_owned(), order.into());
        let text = toml::to_string(&document).expect("TOML");
        let place = TopologyFolder::with(&text);
        let tree = place.after(&mut place.generate());
        assert_eq!(testing::differences(&plain, &tree), [""; 0], "{text}");
    }
}
