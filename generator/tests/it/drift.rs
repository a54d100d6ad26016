//! The committed tree is what the committed topology gives.

use std::path::Path;

use meshwright::out::{self, Changes};
use meshwright::render::Rendering;

use crate::pipeline::{compile, human};

#[test]
fn committed_tree_is_what_the_topology_gives() {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let compiled = compile(&repository.join("topology.toml"));
    assert_eq!(human(&compiled), "", "topology.toml is not clean");
    let plan = compiled.plan.expect("a clean topology has a plan");
    let changes = out::compare(&Rendering::new(&plan), &repository.join("out"));
    let changes = changes.expect("a whole tree");
    let whole = Changes {
        unchanged: changes.files,
        files: changes.files,
        bytes: changes.bytes,
        ..Changes::default()
    };
    assert_eq!(changes, whole, "run `meshwright generate` and commit out/");
}
