//! The documentation is up to date: generated pages are as the code generates them, and examples are valid.

#![expect(clippy::expect_used, reason = "clippy exempts only functions under #[test]")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use meshwright_compiler::catalogue;
use meshwright_compiler::encode::json;
use meshwright_compiler::overlay::Overlay;
use meshwright_compiler::topology::{reference, schema};
use meshwright_proof::failure;
use meshwright_proof::families::FAMILIES;
use meshwright_proof::report;

use crate::proof::{emitted, prove};
use crate::testing::{compile_text, human};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Compares a committed document with the generated one. As with snapshots, `INSTA_UPDATE=always`
/// accepts the generated one.
pub(crate) fn assert_committed(path: &str, made: &str) {
    let file = root().join(path);
    #[expect(clippy::disallowed_methods, reason = "the same switch as for snapshots")]
    if std::env::var("INSTA_UPDATE").is_ok_and(|update| update == "always") {
        fs::write(&file, made).expect("written");
    }
    let committed = fs::read_to_string(&file).unwrap_or_default();
    let line =
        (1..).zip(committed.lines().zip(made.lines())).find(|(_, (one, other))| one != other);
    let line = line.map_or_else(String::new, |(number, _)| format!(", first in line {number}"));
    assert!(
        committed == made,
        "{path} differs from the generated document{line}: accept with INSTA_UPDATE=always cargo test"
    );
}

#[test]
fn the_reference_of_the_topology_is_generated_from_the_code() {
    assert_committed("docs/topology.md", &reference::markdown());
}

#[test]
fn the_schema_of_the_topology_is_generated_from_the_code() {
    let schema = String::from_utf8(json::file(&schema::topology())).expect("JSON is text");
    assert_committed("docs/topology.schema.json", &schema);
}

#[test]
fn the_schema_of_reports_is_generated_from_the_code() {
    let schema = meshwright_compiler::diagnostic::schema::documents();
    let schema = String::from_utf8(json::file(&schema)).expect("JSON is text");
    assert_committed("docs/check.schema.json", &schema);
}

#[test]
fn the_schema_of_proofs_is_generated_from_the_code() {
    let schema = String::from_utf8(json::file(&report::schema::documents())).expect("JSON is text");
    assert_committed("docs/prove.schema.json", &schema);
}

#[test]
fn the_schema_of_plans_is_generated_from_the_code() {
    let schema = meshwright_change::report::schema::document();
    let schema = String::from_utf8(json::file(&schema)).expect("JSON is text");
    assert_committed("docs/plan.schema.json", &schema);
}

#[test]
fn the_schema_of_surveys_is_generated_from_the_code() {
    let schema = meshwright_fleet::report::schema::document();
    let schema = String::from_utf8(json::file(&schema)).expect("JSON is text");
    assert_committed("docs/status.schema.json", &schema);
}

#[test]
fn the_schema_of_versions_is_generated_from_the_code() {
    let mut program = Command::new(env!("CARGO_BIN_EXE_meshwright"));
    let printed = program.args(["schema", "versions"]).output().expect("the binary runs");
    let schema = String::from_utf8(printed.stdout).expect("JSON is text");
    assert_committed("docs/versions.schema.json", &schema);
}

#[test]
fn the_schema_of_connectivity_tests_is_generated_from_the_code() {
    let schema = meshwright_fleet::connectivity::schema::document();
    let schema = String::from_utf8(json::file(&schema)).expect("JSON is text");
    assert_committed("docs/test.schema.json", &schema);
}

#[test]
fn the_list_of_rules_is_generated_from_the_code() {
    assert_committed("docs/rules.md", &catalogue::markdown());
}

/// Compares the part of a page between `<!-- NAME -->` and `<!-- NAME end -->` with the generated one.
pub(crate) fn assert_part_committed(path: &str, name: &str, made: &str) {
    let (begin, end) = (format!("<!-- {name} -->\n"), format!("<!-- {name} end -->"));
    let page = fs::read_to_string(root().join(path)).expect("readable");
    let (before, rest) = page.split_once(&begin).expect("the part begins");
    let (_, after) = rest.split_once(&end).expect("the part ends");
    assert_committed(path, &format!("{before}{begin}\n{made}\n{end}{after}"));
}

#[test]
fn the_families_of_files_are_generated_from_the_code() {
    let rows = FAMILIES.iter().map(|family| {
        let (account, need) = (family.account.description(), family.need.description());
        format!("| `{}` | {account} | {need} |\n", family.pattern)
    });
    let table: String = rows.collect();
    let head = "| files | accounted for | in |\n|---|---|---|\n";
    assert_part_committed("docs/proof.md", "families", &format!("{head}{table}"));
}

/// All examples of one page: two tests at once would write the page at the same time.
#[test]
fn the_tables_of_failures_are_generated_from_the_code() {
    for example in ["relay-and-site", "high-availability", "server-and-lan"] {
        let topology = format!("examples/{example}/topology.toml");
        let proof = prove(&emitted(&topology));
        let model = proof.model.as_ref().expect("a network");
        let effects = failure::effects(model, &proof.ingress.requests);
        let table = report::failure::table(model, &effects);
        let made = format!(
            "`meshwright --topology {topology} prove --failures 1` ends with\n\n```text\n{}```\n",
            table.trim_start()
        );
        assert_part_committed("docs/failures.md", example, &made);
    }
}

/// The fenced blocks of one language in a document.
fn blocks(text: &str, language: &str) -> Vec<String> {
    let fence = format!("```{language}\n");
    let blocks = text.split(&fence).skip(1);
    blocks.filter_map(|rest| rest.split("\n```").next().map(str::to_owned)).collect()
}

fn documents() -> Vec<PathBuf> {
    let mut documents = vec![root().join("README.md"), root().join("CONTRIBUTING.md")];
    let docs = fs::read_dir(root().join("docs")).expect("a folder");
    documents.extend(docs.map(|entry| entry.expect("an entry").path()));
    documents.retain(|path| path.extension().is_some_and(|extension| extension == "md"));
    documents.sort();
    documents
}

/// The codes that `meshwright-node` ends with, and those that its documentation explains.
#[test]
fn every_exit_code_of_the_hosts_is_explained() {
    let read = |path: &str| fs::read_to_string(root().join(path)).expect("readable");
    let number = |text: &str| text.split([' ', '\n', ';', '|']).next()?.parse::<u8>().ok();
    let script = read("out/host/meshwright-node");
    let lines = script.lines().map(str::trim_start);
    let ends = lines.filter_map(|line| {
        let rest = line.strip_prefix("code=").or_else(|| line.split("step ").nth(1));
        rest.and_then(number)
    });
    // Wrong usage is not a step; its code is that of every program here.
    let ends: BTreeSet<_> = ends.chain([2]).collect();
    let operations = read("docs/operations.md");
    let explained = operations.lines().filter_map(|line| number(line.strip_prefix("| ")?));
    assert_eq!(explained.collect::<BTreeSet<_>>(), ends);
}

#[test]
fn topologies_in_the_documentation_are_clean() {
    let mut compiled_blocks = 0;
    for path in documents() {
        let text = fs::read_to_string(&path).expect("readable");
        for block in blocks(&text, "toml") {
            let compiled = compile_text("topology.toml", block);
            assert_eq!(human(&compiled), "", "in {}", path.display());
            compiled_blocks += 1;
        }
    }
    assert!(compiled_blocks > 0, "no topology is found");
}

/// The manifests of a page are named by their first line.
#[test]
fn manifests_in_the_documentation_can_be_carried() {
    let text = fs::read_to_string(root().join("docs/gitops.md")).expect("readable");
    let manifests = blocks(&text, "yaml");
    assert_eq!(manifests.len(), 2);
    for manifest in manifests {
        let first = manifest.lines().next().and_then(|line| line.strip_prefix("# overlays/"));
        let name = first.expect("the first line names the file");
        let read = Overlay::parse(name, &manifest).map(|read| read.name().to_owned());
        assert_eq!(read, Ok(name.to_owned()));
    }
}

#[test]
fn the_flake_in_the_documentation_is_the_template() {
    let read = |path: &str| fs::read_to_string(root().join(path)).expect("readable");
    let flake = blocks(&read("docs/nix.md"), "nix").into_iter().next().expect("a flake");
    assert_eq!(format!("{flake}\n"), read("nix/template/flake.nix"));
}

#[test]
fn links_in_the_documentation_lead_to_files() {
    let mut checked_links = 0;
    for path in documents() {
        let text = fs::read_to_string(&path).expect("readable");
        for target in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let target = target.split('#').next().unwrap_or_default();
            if target.starts_with("http") || target.is_empty() {
                continue;
            }
            let file = path.parent().expect("a folder").join(target);
            assert!(file.exists(), "{} links to {target}", path.display());
            checked_links += 1;
        }
    }
    assert!(checked_links > 10, "{checked_links} links are found");
}
