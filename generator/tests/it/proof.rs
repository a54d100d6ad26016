//! The proof over trees: whole ones hold, and broken ones are refused at the line that breaks them.

#![expect(clippy::expect_used, reason = "clippy knows tests by their attribute, not their helpers")]

use std::collections::BTreeMap;

use meshwright_proof::judge::{self, Proof};
use meshwright_proof::report::human;

use crate::testing::{compile, render, repository, topologies};

/// Files by their paths, as `out/` would hold them.
pub(crate) type Files = BTreeMap<String, String>;

pub(crate) fn emitted(topology: &str) -> Files {
    let compiled = compile(&repository().join(topology));
    let plan = compiled.plan.expect("the topology compiles");
    let text = |(path, bytes)| (path, String::from_utf8(bytes).expect("each file is text"));
    render(&plan).into_iter().map(text).collect()
}

pub(crate) fn prove(files: &Files) -> Proof {
    judge::prove(files).expect("files in memory can be read")
}

#[test]
fn every_example_is_proven() {
    for topology in topologies() {
        let proof = prove(&emitted(&topology));
        assert!(proof.holds(), "{topology}:\n{:#?}", human::causes(&proof));
        assert!(proof.total().proven > 0, "{topology}: nothing was proven");
    }
}
