//! Every tree that `generate` writes is proven, for random topologies.

#![expect(clippy::expect_used, reason = "clippy knows tests by their attribute, not their helpers")]

use std::collections::BTreeMap;

use crate::proof::{emitted_from, prove};
use crate::random_topology;
use crate::testing::{compile_text, human};

/// How many topologies are drawn. `MESHWRIGHT_PROVEN_CASES=2000` draws more.
const CASES: u64 = 24;

fn cases() -> u64 {
    #[expect(clippy::disallowed_methods, reason = "a switch of the test")]
    let wanted = std::env::var("MESHWRIGHT_PROVEN_CASES").ok();
    wanted.map_or(CASES, |cases| cases.parse().expect("a number"))
}

/// A topology with an error writes no tree. Most have none, so that the sample is large enough.
#[test]
fn every_random_tree_is_proven() {
    let mut refused = BTreeMap::new();
    let mut faults = Vec::new();
    for seed in 0..cases() {
        let compiled = compile_text("random.toml", random_topology::topology(seed));
        if compiled.plan.is_none() {
            refused.insert(seed, human(&compiled));
            continue;
        }
        let proof = prove(&emitted_from(compiled));
        let failures = proof.failures.iter().map(|failure| &failure.finding);
        let shown = proof.causes().chain(failures).map(|finding| {
            format!("{} {} {}", finding.code, proof.paths.show(finding.place), finding.message)
        });
        let shown: Vec<_> = shown.take(3).collect();
        if !proof.holds() {
            faults.push(format!("seed {seed}: {}", shown.join("; ")));
        }
    }
    assert!(faults.is_empty(), "{} trees are refused:\n{}", faults.len(), faults.join("\n"));
    let reports: Vec<_> = refused.values().map(String::as_str).collect();
    assert!(
        refused.len() as u64 * 3 < cases(),
        "{} topologies have errors:\n{}",
        refused.len(),
        reports.join("\n")
    );
}
