//! The examples: each is clean, and each file that it gives is exactly this.

#![expect(clippy::expect_used, reason = "clippy exempts only functions under #[test]")]

use std::fmt::Write as _;
use std::path::Path;

use meshwright_compiler::artifact::Tree;
use meshwright_compiler::render::Rendering;

use crate::pipeline::{compile, human};
use crate::snapshot;

#[test]
fn examples_give_exactly_these_files() {
    snapshot::settings().bind(|| {
        insta::glob!("../../../examples", "*.toml", |path| {
            insta::assert_snapshot!("accept", files(path));
        });
    });
}

/// Beyond this many nodes, only what the cluster has once is pinned: the nodes are like those of the
/// other examples.
const PINNED_NODES: usize = 10;

/// The files of one example under their names, as one text.
fn files(path: &Path) -> String {
    let compiled = compile(path);
    assert_eq!(human(&compiled), "", "{} is not clean", path.display());
    let plan = compiled.plan.expect("a clean topology has a plan");
    let rendering = Rendering::new(&plan);
    let parts = if plan.nodes.len() > PINNED_NODES { 1 } else { rendering.parts() };
    let mut text = String::new();
    for part in 0..parts {
        for (path, bytes) in rendering.render(part).iter() {
            let bytes = std::str::from_utf8(bytes).expect("artifacts are text");
            write!(text, "=== {path}\n{bytes}").expect("a String takes everything");
        }
    }
    text
}
