//! docs/network.md is up to date: its pictures are the output of `trace` for `out/`, and each quoted line
//! is at the line number that the document names.

#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "clippy knows tests by their attribute, not their helpers"
)]

use std::fs;
use std::path::{Path, PathBuf};

use meshwright_proof::files::OutputDirectory;
use meshwright_proof::flows::Flow;
use meshwright_proof::ingress::{self, picture};
use meshwright_proof::judge::{self, Proof};
use meshwright_proof::report::{self, mermaid, text};
use meshwright_proof::trace::{self, TraceEnd};

const DOCUMENT: &str = "docs/network.md";

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The output of `meshwright trace FROM TO [--flow FLOW] [--format FORMAT]`.
fn trace_output(proof: &Proof, command: &str) -> String {
    let model = proof.model.as_ref().expect("out/ is whole");
    let words: Vec<_> = command.split_whitespace().collect();
    let option = |name: &str| {
        let at = words.iter().position(|word| *word == name)?;
        words.get(at + 1).copied()
    };
    if words[2] == "internet" {
        let request = ingress::ask(model, &proof.ingress, words[3]).expect("a hostname");
        let picture = picture::draw(model, &request);
        return format!("```text\n{}```", report::ingress::story(model, &proof.paths, &picture));
    }
    let [from, to] =
        [words[2], words[3]].map(|word| TraceEnd::parse(word, model).expect("a party"));
    let flow = match option("--flow") {
        Some(name) => Flow::find(name),
        None => trace::usual_flow(model, from, to),
    };
    let from = from.machine.expect("a machine");
    let traced = trace::trace(model, flow.expect("a flow"), from, to.machine.unwrap_or(from));
    match option("--format") {
        Some("mermaid") => {
            format!("```mermaid\n{}```", mermaid::diagram(model, &proof.paths, &traced))
        }
        _ => format!("```text\n{}```", text::story(model, &proof.paths, &traced)),
    }
}

/// Each `<!-- meshwright trace … -->` is followed by its output.
fn with_pictures(document: &str, proof: &Proof) -> String {
    let mut parts = document.split("<!-- meshwright");
    let mut made = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (command, after) = part.split_once("-->").expect("the comment ends");
        let after = after.trim_start().strip_prefix("```").expect("a block follows");
        let (_, rest) = after.split_once("\n```").expect("the block ends");
        let picture = trace_output(proof, &format!("meshwright{command}"));
        made += &format!("<!-- meshwright{command}-->\n{picture}{rest}");
    }
    made
}

/// Each `` `out/FILE:LINE` contains `TEXT` `` with the line that has the text: of several, the nearest.
fn with_lines(document: &str) -> String {
    let mut parts = document.split("`out/");
    let mut made = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        // A link to the folder has no line.
        let place = part.split('`').next().unwrap_or_default();
        let Some((path, stated)) = place.split_once(':') else {
            made += &format!("`out/{part}");
            continue;
        };
        let rest = part[place.len()..]
            .strip_prefix("` contains")
            .expect("a place is followed by `contains`");
        let (space, rest) = rest.split_once('`').expect("a quotation follows");
        let (quoted, rest) = rest.split_once('`').expect("the quotation ends");
        let file = fs::read_to_string(repository().join("out").join(path)).expect(path);
        let stated: usize = stated.parse().expect("a number");
        let lines = (1..).zip(file.lines()).filter(|(_, line)| line.contains(quoted));
        let line = lines.map(|(number, _)| number).min_by_key(|line: &usize| line.abs_diff(stated));
        let line = line.unwrap_or_else(|| panic!("out/{path} does not contain `{quoted}`"));
        made += &format!("`out/{path}:{line}` contains{space}`{quoted}`{rest}");
    }
    made
}

#[test]
fn the_page_on_the_network_matches_the_files() {
    let out = repository().join("out");
    let proof = judge::prove(&OutputDirectory(&out)).expect("readable");
    let committed = fs::read_to_string(repository().join(DOCUMENT)).expect("readable");
    assert!(committed.contains("<!-- meshwright trace"), "no picture is found");
    assert!(committed.contains("` contains "), "no quoted line is found");
    let made = with_lines(&with_pictures(&committed, &proof));
    #[expect(clippy::disallowed_methods, reason = "the same switch as for snapshots")]
    if std::env::var("INSTA_UPDATE").is_ok_and(|update| update == "always") {
        fs::write(repository().join(DOCUMENT), &made).expect("written");
        return;
    }
    assert!(
        committed == made,
        "docs/network.md does not match out/: accept with INSTA_UPDATE=always cargo test"
    );
}
