//! What the verbs print for other programs, in these programs: maps of the mesh in mermaid's parser, in Graphviz and
//! in a parser of XML, and reports in the schema of SARIF.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use libtest_mimic::{Failed, Trial};
use tempfile::TempDir;

use crate::consumer::need;
use crate::need::Need;
use crate::{pictures, testing};

pub(crate) const DOT_NEEDS: &[Need] = &[need("type dot", "no Graphviz: apt-get install graphviz")];

pub(crate) const XML_NEEDS: &[Need] =
    &[need("python3 -c 'import xml.etree.ElementTree'", "no Python")];

pub(crate) const MERMAID_NEEDS: &[Need] = pictures::NEEDS;

/// The schema is not in this repository.
pub(crate) const SARIF_NEEDS: &[Need] = &[
    need("test -f \"${MESHWRIGHT_SARIF_SCHEMA:-}\"", "MESHWRIGHT_SARIF_SCHEMA names no schema"),
    need("python3 -c 'import jsonschema'", "no jsonschema"),
];

/// Trials of the maps of each tree, for one program.
pub(crate) fn map_trials(trees: &[PathBuf], format: &'static str) -> Vec<Trial> {
    let read = match format {
        "mermaid" => read_by_mermaid,
        "dot" => read_by_graphviz,
        _ => read_as_xml,
    };
    let trials = trees.iter().cloned().map(|tree| {
        let name = format!("graph::{format}_is_read::{}", crate::tree_name(&tree));
        Trial::test(name, move || {
            let map = printed(&["graph", "--format", format, "--out"], &tree)?;
            let machines = ["nodes", "clients"].map(|folder| entries(&tree.join(folder)));
            read(&map, machines.into_iter().flatten().collect())
        })
    });
    trials.collect()
}

/// The reports of files with faults.
pub(crate) fn sarif_trial() -> Trial {
    Trial::test("sarif::schema_accepts::reports_of_rejected_topologies", sarif_is_accepted)
}

fn printed(arguments: &[&str], path: &Path) -> Result<Vec<u8>, Failed> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_meshwright"));
    let done = command.args(arguments).arg(path).output()?;
    match done.status.code() {
        Some(0 | 1) => Ok(done.stdout),
        _ => Err(String::from_utf8_lossy(&done.stderr).into()),
    }
}

/// The names in a folder, which may be absent.
fn entries(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.file_name().display().to_string()).collect()
}

fn read_by_mermaid(map: &[u8], machines: Vec<String>) -> Result<(), Failed> {
    let text = str::from_utf8(map)?;
    let folder = TempDir::new_in(env!("CARGO_TARGET_TMPDIR"))?;
    let page = folder.path().join("map.md");
    fs::write(&page, format!("```mermaid\n{text}```\n"))?;
    let done = Command::new("mermaid-parse").arg(&page).output()?;
    expect(done.status.success(), &done.stderr)?;
    expect_all(machines, |name| text.contains(&format!("\"{name}<br>")))
}

fn read_by_graphviz(map: &[u8], machines: Vec<String>) -> Result<(), Failed> {
    let folder = TempDir::new_in(env!("CARGO_TARGET_TMPDIR"))?;
    let file = folder.path().join("map.dot");
    fs::write(&file, map)?;
    // One line for each node: `node NAME X Y WIDTH HEIGHT LABEL …` (https://graphviz.org/docs/outputs/plain/).
    let done = Command::new("dot").arg("-Tplain").arg(&file).output()?;
    expect(done.status.success() && done.stderr.is_empty(), &done.stderr)?;
    let drawn = String::from_utf8(done.stdout)?;
    let nodes = drawn.lines().filter_map(|line| line.strip_prefix("node ")?.split(' ').next());
    let nodes: Vec<_> = nodes.map(|name| name.trim_matches('"')).collect();
    expect(nodes.len() == machines.len(), format!("{nodes:?}").as_bytes())?;
    expect_all(machines, |name| nodes.contains(&name))
}

/// Prints the text of each element `text`.
const TEXTS: &str = "
import sys, xml.etree.ElementTree as tree
for text in tree.parse(sys.stdin.buffer).iter('{http://www.w3.org/2000/svg}text'):
    print(text.text)
";

fn read_as_xml(map: &[u8], machines: Vec<String>) -> Result<(), Failed> {
    let folder = TempDir::new_in(env!("CARGO_TARGET_TMPDIR"))?;
    let file = folder.path().join("map.svg");
    fs::write(&file, map)?;
    let done =
        Command::new("python3").args(["-c", TEXTS]).stdin(fs::File::open(&file)?).output()?;
    expect(done.status.success(), &done.stderr)?;
    let texts = String::from_utf8(done.stdout)?;
    expect_all(machines, |name| texts.lines().any(|text| text == name))
}

fn expect(holds: bool, otherwise: &[u8]) -> Result<(), Failed> {
    if holds { Ok(()) } else { Err(String::from_utf8_lossy(otherwise).into()) }
}

fn expect_all(machines: Vec<String>, is_drawn: impl Fn(&str) -> bool) -> Result<(), Failed> {
    let missing: Vec<_> = machines.into_iter().filter(|name| !is_drawn(name)).collect();
    expect(missing.is_empty(), format!("not on the map: {missing:?}").as_bytes())
}

/// Validates each document, and refuses one without a version.
const VALIDATE: &str = r#"
import json, os, sys
from jsonschema import Draft4Validator
with open(os.environ["MESHWRIGHT_SARIF_SCHEMA"], encoding="utf-8") as text:
    validator = Draft4Validator(json.load(text))
for file in sys.argv[1:]:
    with open(file, encoding="utf-8") as text:
        log = json.load(text)
    for fault in validator.iter_errors(log):
        sys.exit(f"{file}: {fault.json_path}: {fault.message}")
    assert log["runs"][0]["results"], file
    del log["version"]
    if validator.is_valid(log):
        sys.exit("a document without a version is accepted")
"#;

fn sarif_is_accepted() -> Result<(), Failed> {
    let folder = TempDir::new_in(env!("CARGO_TARGET_TMPDIR"))?;
    let rejected = fs::read_dir(testing::repository().join("generator/fixtures/reject"))?;
    let mut files = Vec::new();
    for entry in rejected {
        let topology = entry?.path();
        if topology.extension().is_none_or(|extension| extension != "toml") {
            continue;
        }
        let log = printed(&["check", "--format", "sarif", "--topology"], &topology)?;
        let file = folder.path().join(crate::tree_name(&topology)).with_extension("sarif");
        fs::write(&file, log)?;
        files.push(file);
    }
    expect(files.len() > 100, b"few topologies")?;
    let done = Command::new("python3").args(["-c", VALIDATE]).args(&files).output()?;
    expect(done.status.success(), &done.stderr)
}
