//! Each rule has a file, a code, a fixture and an explanation. The tests name the missing part.

#![expect(clippy::expect_used, reason = "clippy knows tests by their attribute, not their helpers")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use meshwright_compiler::catalogue::{self, Entry};
use meshwright_compiler::diagnostic::Severity;
use meshwright_compiler::render::{CLUSTER, NODE, Output};
use meshwright_compiler::rules;
use meshwright_compiler::topology::versions;
use walkdir::WalkDir;

use crate::reject::code_of;
use crate::snapshot;
use crate::testing::{compile, render, repository, topologies};

/// Files of `rules` that do not contain a rule.
const NO_RULES: [&str; 6] =
    ["called", "mod", "node_names", "propose_ids", "propose_patches", "public_nodes"];

/// Codes of accepted warnings, which are found in the report: they have fixtures, but no files.
const LINT: [&str; 2] = ["lint-allow-unknown", "lint-allow-unused"];

/// Codes that are found while the document is read: they have fixtures, but no files.
const SHAPE: [&str; 6] = [
    "key-missing",
    "key-unknown",
    "secret-in-topology",
    "toml-syntax",
    "type-mismatch",
    "value-malformed",
];

/// Codes whose topology is too large for a fixture: `cli` tests each.
const SIZE: [&str; 2] = ["errors-too-many", "file-too-large"];

/// Codes that are found between store and topology: `cli` shows each.
const SECRETS: [&str; 21] = [
    "authority-expired",
    "authority-malformed",
    "authority-mismatch",
    "authority-replaced",
    "bgp-password-malformed",
    "encryption-keys-malformed",
    "preshared-key-malformed",
    "private-key-malformed",
    "private-key-mismatch",
    "private-key-published",
    "recipient-unusable",
    "recipients-outdated",
    "rotation-unfinished",
    "service-account-key-malformed",
    "store-files-plain",
    "store-in-git",
    "store-leftover",
    "store-open",
    "store-outdated",
    "tunnel-credential-malformed",
    "tunnel-credential-mismatch",
];

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn files(name: &str) -> impl Iterator<Item = PathBuf> {
    let entries = WalkDir::new(folder(name)).sort_by_file_name().into_iter();
    let entries = entries.map(|entry| entry.expect("the repository can be read"));
    entries.filter(|entry| entry.file_type().is_file()).map(walkdir::DirEntry::into_path)
}

fn codes() -> BTreeSet<String> {
    catalogue::entries().map(|entry| entry.code.to_owned()).collect()
}

/// The codes of changes: the comparison of two trees reports them, and `change` tests them.
fn changes() -> [&'static str; 13] {
    catalogue::change::ENTRIES.map(|entry| entry.code)
}

fn without(all: BTreeSet<String>, left_out: &[&str]) -> BTreeSet<String> {
    all.into_iter().filter(|one| !left_out.contains(&one.as_str())).collect()
}

/// Lists the codes without `what`, and each `what` without a code.
fn assert_same(codes: &BTreeSet<String>, found: &BTreeSet<String>, what: &str) {
    let missing: Vec<_> = codes.difference(found).collect();
    let left_over: Vec<_> = found.difference(codes).collect();
    assert!(missing.is_empty(), "without {what}: {missing:?}");
    assert!(left_over.is_empty(), "{what} without a registered code: {left_over:?}");
}

#[test]
fn every_rule_has_its_file() {
    let stems = files("crates/compiler/src/rules").map(|path| path.file_stem().unwrap().to_owned());
    let stems = stems.map(|stem| stem.into_string().unwrap()).collect();
    let files: BTreeSet<_> =
        without(stems, &NO_RULES).into_iter().map(|stem| stem.replace('_', "-")).collect();
    assert_same(
        &without(codes(), &[SHAPE.as_slice(), &LINT, &SIZE, &SECRETS, &changes()].concat()),
        &files,
        "a file",
    );
}

/// No topology that passes the rules before breaks a rule of the plan: `plan_rules` breaks the plan.
#[test]
fn every_code_has_its_fixture() {
    let plan = rules::plan::RULES.iter().map(|rule| rule.code);
    let output = rules::output::RULES.iter().map(|rule| rule.code);
    let derived: Vec<_> = plan.chain(output).collect();
    let fixtures: BTreeSet<_> = files("fixtures/reject").map(|path| code_of(&path)).collect();
    assert_same(
        &without(codes(), &[derived.as_slice(), &SIZE, &SECRETS, &changes()].concat()),
        &fixtures,
        "a fixture",
    );
}

#[test]
fn every_code_is_one_and_explained() {
    let entries: Vec<_> = catalogue::entries().collect();
    assert_eq!(codes().len(), entries.len(), "a code is used twice");
    for Entry { code, summary, explain, .. } in entries {
        let is_kebab = code
            .split('-')
            .all(|word| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase()));
        assert!(is_kebab, "`{code}` is not kebab-case");
        assert!(!summary.is_empty() && !summary.ends_with('.'), "`{code}`: `{summary}`");
        assert!(explain.len() > 80 && explain.ends_with('.'), "`{code}` is not explained");
    }
}

/// A warning that becomes an error breaks the runs of users who accept it.
#[test]
fn the_warnings_are_these() {
    let warnings = catalogue::entries().filter(|entry| entry.severity == Severity::Warning);
    let warnings: Vec<_> = warnings.map(|entry| entry.code).collect();
    snapshot::settings().bind(|| insta::assert_snapshot!("warnings", warnings.join("\n")));
}

/// Every rendered file of [`topologies`] belongs to an output that its renderer has registered, and
/// every registered output occurs: the list in `out/README.md` is complete.
#[test]
fn every_output_occurs_and_is_registered() {
    let registered: BTreeSet<_> = outputs().map(|output| output.path.to_owned()).collect();
    let mut emitted: BTreeSet<_> = topologies().iter().flat_map(|path| emitted(path)).collect();
    // Only with `--versions`, which `cli/versions.rs` tests.
    emitted.insert(versions::FILE.to_owned());
    assert_same(&registered, &emitted, "an example");
}

fn outputs() -> impl Iterator<Item = &'static Output> {
    let cluster = CLUSTER.iter().flat_map(|renderer| renderer.outputs);
    cluster.chain(NODE.iter().flat_map(|renderer| renderer.outputs))
}

/// The files of one topology, with placeholders for nodes, clients and interface as in the registry.
fn emitted(topology: &str) -> Vec<String> {
    let plan = compile(&repository().join(topology)).plan.expect("it is accepted");
    let interface = plan.wireguard.interface.as_str();
    render(&plan).keys().map(|path| generic(path, interface)).collect()
}

fn generic(path: &str, interface: &str) -> String {
    let path = path.replace(interface, "<interface>");
    match path.split('/').collect::<Vec<_>>().as_slice() {
        ["nodes", _, rest @ ..] => format!("nodes/<node>/{}", rest.join("/")),
        ["host", "containerd", "certs.d", _, file] => {
            format!("host/containerd/certs.d/<registry>/{file}")
        }
        ["cluster", "cloudflared", file] if file.ends_with(".zone") => {
            "cluster/cloudflared/<zone>.zone".to_owned()
        }
        ["cluster", "overlays", _] => "cluster/overlays/<manifest>".to_owned(),
        ["clients", _, rest @ ..] => format!("clients/<client>/{}", rest.join("/")),
        _ => path,
    }
}
