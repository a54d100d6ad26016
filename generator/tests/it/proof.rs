//! The proof over trees: whole ones hold, and broken ones are refused at the line that breaks them.

#![expect(clippy::expect_used, reason = "clippy knows tests by their attribute, not their helpers")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use meshwright_compiler::artifact::Tree as _;
use meshwright_compiler::render::Rendering;
use meshwright_proof::judge::{self, Proof};
use meshwright_proof::report::human;

use crate::pipeline::compile;

/// Files by their paths, as `out/` would hold them.
pub(crate) type Files = BTreeMap<String, String>;

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

pub(crate) fn emitted(topology: &str) -> Files {
    let compiled = compile(&repository().join(topology));
    let plan = compiled.plan.expect("the topology compiles");
    let rendering = Rendering::new(&plan);
    let mut files = Files::new();
    for part in 0..rendering.parts() {
        for (path, bytes) in rendering.render(part).iter() {
            let text = String::from_utf8(bytes.to_vec()).expect("what we emit is text");
            files.insert(path.to_owned(), text);
        }
    }
    files
}

pub(crate) fn prove(files: &Files) -> Proof {
    judge::prove(files).expect("files in memory can be read")
}

fn topologies() -> Vec<String> {
    let examples = std::fs::read_dir(repository().join("examples")).expect("a folder");
    let examples = examples.map(|entry| {
        let name = entry.expect("an entry").file_name();
        format!("examples/{}", name.to_string_lossy())
    });
    examples.filter(|path| path.ends_with(".toml")).chain(["topology.toml".to_owned()]).collect()
}

#[test]
fn every_example_is_proven() {
    for topology in topologies() {
        let proof = prove(&emitted(&topology));
        assert!(proof.holds(), "{topology}:\n{:#?}", human::causes(&proof));
        assert!(proof.total().proven > 0, "{topology}: nothing was proven");
    }
}
