//! The proof over trees: whole ones hold, and broken ones are refused at the line that breaks them.

#![expect(clippy::expect_used, reason = "clippy knows tests by their attribute, not their helpers")]

use std::collections::BTreeMap;

use meshwright::fixed::OfThisVersion;
use meshwright_compiler::pipeline::Compilation;
use meshwright_proof::judge::{self, Proof};
use meshwright_proof::report::causes::causes;

use crate::testing::{compile, compile_text, render, repository, topologies};

/// Files by their paths, as `out/` would hold them.
pub(crate) type Files = BTreeMap<String, String>;

pub(crate) fn emitted(topology: &str) -> Files {
    emitted_from(compile(&repository().join(topology)))
}

pub(crate) fn emitted_from(compiled: Compilation) -> Files {
    let plan = compiled.plan.expect("the topology compiles");
    let text = |(path, bytes)| (path, String::from_utf8(bytes).expect("each file is text"));
    render(&plan).into_iter().map(text).collect()
}

pub(crate) fn prove(files: &Files) -> Proof {
    judge::prove_with(files, Some(&OfThisVersion)).expect("files in memory can be read")
}

#[test]
fn every_example_is_proven() {
    for topology in topologies() {
        let proof = prove(&emitted(&topology));
        assert!(proof.holds(), "{topology}:\n{:#?}", causes(&proof));
        assert!(proof.total().proven > 0, "{topology}: nothing was proven");
    }
}

/// Trees on which `prove` reported faults although every packet arrives.
#[test]
fn sound_trees_are_proven() {
    let one_node_and_a_client = r#"
[cluster]
name = "rock"
kubernetes_version = "1.36.3"

[[nodes]]
name = "rock"
id = 1
role = "control-plane"
endpoint = "203.0.113.1"
public_key = "ZlDkiVgY9Ry958l5TI/X+61m2MSXSbdMTEJNGj/ScxY="

[[clients]]
name = "laptop"
id = 200
public_key = "yuwRUDzkgw37NMjpm6nPxDHAFHb+JukXpdalI+Q7xjU="
"#;
    let a_site_with_public_endpoints = r#"
[cluster]
name = "homes"
kubernetes_version = "1.36.3"

[[sites]]
name = "barn"
subnet = "192.168.50.0/24"

[[nodes]]
name = "alpha"
id = 1
role = "control-plane"
site = "barn"
endpoint = "203.0.113.1"
lan_endpoint = "192.168.50.4"
public_key = "ZlDkiVgY9Ry958l5TI/X+61m2MSXSbdMTEJNGj/ScxY="

[[nodes]]
name = "beta"
id = 2
role = "worker"
site = "barn"
endpoint = "203.0.113.2"
lan_endpoint = "192.168.50.5"
public_key = "yuwRUDzkgw37NMjpm6nPxDHAFHb+JukXpdalI+Q7xjU="

[[nodes]]
name = "zeta"
id = 3
role = "worker"
public_key = "+qqV9YSJ4Y3Pm2GeQ+8/ehhMhYM+RLc0ve88tv8rbS4="
"#;
    for topology in [one_node_and_a_client, a_site_with_public_endpoints] {
        let files = emitted_from(compile_text("topology.toml", topology.to_owned()));
        let proof = prove(&files);
        assert!(proof.holds(), "{:?}", proof.causes().collect::<Vec<_>>());
    }
}
