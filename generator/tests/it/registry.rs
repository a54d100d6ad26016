//! A rule is a file, a code, a fixture and an explanation; what is missing is named.

#![expect(clippy::expect_used, reason = "clippy knows tests by their attribute, not their helpers")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use meshwright::diagnostic::Severity;
use meshwright::rules::{self, Entry};
use walkdir::WalkDir;

use crate::reject::code_of;

/// Files of `src/rules` that hold no rule.
const NO_RULES: [&str; 4] = ["machine", "mod", "reference", "shape"];

/// Codes that are found while the document is read: they have fixtures, but no files.
const SHAPE: [&str; 5] =
    ["key-missing", "key-unknown", "toml-syntax", "type-mismatch", "value-malformed"];

/// Codes that are found between store and topology: `cli` shows each.
const SECRETS: [&str; 2] = ["private-key-malformed", "private-key-mismatch"];

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn files(name: &str) -> impl Iterator<Item = PathBuf> {
    let entries = WalkDir::new(folder(name)).sort_by_file_name().into_iter();
    let entries = entries.map(|entry| entry.expect("the repository can be read"));
    entries.filter(|entry| entry.file_type().is_file()).map(walkdir::DirEntry::into_path)
}

fn codes() -> BTreeSet<String> {
    rules::catalogue().map(|entry| entry.code.to_owned()).collect()
}

fn without(all: BTreeSet<String>, left_out: &[&str]) -> BTreeSet<String> {
    all.into_iter().filter(|one| !left_out.contains(&one.as_str())).collect()
}

#[test]
fn every_rule_has_its_file() {
    let stems = files("src/rules").map(|path| path.file_stem().unwrap().to_owned());
    let stems = stems.map(|stem| stem.into_string().unwrap()).collect();
    let files: BTreeSet<_> =
        without(stems, &NO_RULES).into_iter().map(|stem| stem.replace('_', "-")).collect();
    assert_eq!(files, without(codes(), &[SHAPE.as_slice(), &SECRETS].concat()));
}

/// No topology that passes the rules before breaks a rule of the plan: `plan_rules` breaks the plan.
#[test]
fn every_code_has_its_fixture() {
    let plan: Vec<_> = rules::PLAN.iter().map(|rule| rule.code).collect();
    let fixtures: BTreeSet<_> = files("fixtures/reject").map(|path| code_of(&path)).collect();
    assert_eq!(fixtures, without(codes(), &[plan.as_slice(), &SECRETS].concat()));
}

#[test]
fn every_code_is_one_and_explained() {
    let entries: Vec<_> = rules::catalogue().collect();
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

/// What a cluster can accept, as a list: a warning that becomes an error breaks its users' runs.
#[test]
fn the_warnings_are_these() {
    let warnings = rules::catalogue().filter(|entry| entry.severity == Severity::Warning);
    let warnings: Vec<_> = warnings.map(|entry| entry.code).collect();
    assert_eq!(
        warnings,
        [
            "calico-kubernetes-untested",
            "calico-version-unknown",
            "ingress-nginx-retired",
            "kube-proxy-ipvs-deprecated",
            "kubernetes-version-unknown",
            "lint-allow-unused",
            "ssh-open-to-world",
        ]
    );
}
