//! The committed trees are what the committed topologies give.

#![expect(clippy::expect_used, reason = "clippy exempts only functions under #[test]")]

use std::path::Path;

use meshwright_compiler::out::{self, Changes};
use meshwright_compiler::render::Rendering;

use crate::pipeline::{compile, human};

#[test]
fn committed_tree_is_what_the_topology_gives() {
    assert_generated("topology.toml", "out");
}

/// Nix reads files of the source tree: what it evaluates has to be committed.
#[test]
fn committed_tree_of_the_nixos_example_is_what_its_topology_gives() {
    assert_generated("examples/nixos.toml", "nix/example");
}

fn assert_generated(topology: &str, out: &str) {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let compiled = compile(&repository.join(topology));
    assert_eq!(human(&compiled), "", "{topology} is not clean");
    let plan = compiled.plan.expect("a clean topology has a plan");
    let changes = out::compare(&Rendering::new(&plan), &repository.join(out));
    let changes = changes.expect("a whole tree");
    let whole = Changes {
        unchanged: changes.files,
        files: changes.files,
        bytes: changes.bytes,
        ..Changes::default()
    };
    let remedy = format!("run `meshwright -t {topology} -o {out} generate` and commit {out}/");
    assert_eq!(changes, whole, "{remedy}");
}
