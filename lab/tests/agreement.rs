//! `prove` and the lab agree: `prove` refuses each tree that the lab refuses, with a file and a line, and
//! accepts each harmless change. docs/proof.md shows each verdict.

#![expect(clippy::expect_used, reason = "clippy knows tests by their attribute, not their helpers")]

use std::fmt::Write as _;
use std::fs;

use lab::cluster::{broken, deviations};
use lab::mutants::{self, NOT_IN_FILES};
use lab::scenario::repository;
use lab::tree::LabTree;
use meshwright::fixed::OfThisVersion;
use meshwright_proof::judge::{self, Proof};
use meshwright_proof::report::causes::causes;

const BEGIN: &str = "<!-- agreement -->\n";
const END: &str = "<!-- agreement ends -->";

fn prove(tree: &LabTree) -> Proof {
    judge::prove_with(&tree.files, Some(&OfThisVersion)).expect("files in memory can be read")
}

/// A row of the table: the tree, and the first finding of `prove`.
fn row(name: &str, proof: &Proof) -> String {
    let finding = proof.failures.first().map(|failure| &failure.finding);
    match finding.or(proof.causes().next()) {
        None => format!("| `{name}` | holds | |\n"),
        Some(finding) => {
            let place = proof.paths.show(finding.place);
            format!("| `{name}` | `{}` | `{place}` |\n", finding.code)
        }
    }
}

#[test]
fn both_judges_agree() {
    let mut table = String::from("\n| tree | verdict | where |\n|---|---|---|\n");
    let mut missed = Vec::new();
    for mutant in mutants::ALL.iter().filter(|mutant| !NOT_IN_FILES.contains(&mutant.name)) {
        let proof = prove(&mutant.tree().expect(mutant.name));
        if proof.holds() {
            missed.push(mutant.name);
        }
        table += &row(mutant.name, &proof);
    }
    assert_eq!(missed, [""; 0], "the lab refuses trees that prove accepts");
    for harmless in mutants::HARMLESS {
        let proof = prove(&harmless.tree().expect(harmless.name));
        assert!(proof.holds(), "{}:\n{:#?}", harmless.name, causes(&proof));
        table += &row(harmless.name, &proof);
    }
    let _ = writeln!(table);
    assert_documented("docs/proof.md", BEGIN, END, &table);
}

#[test]
fn deviations_of_the_cluster_are_documented() {
    let table = format!("\n{}\n", deviations::table());
    assert_documented("lab/README.md", "<!-- deviations -->\n", "<!-- deviations end -->", &table);
}

#[test]
fn damages_of_the_cluster_are_documented() {
    let table = format!("\n{}\n", broken::table());
    assert_documented("lab/README.md", "<!-- damages -->\n", "<!-- damages end -->", &table);
}

/// `INSTA_UPDATE=always` writes the document, as it does with snapshots.
fn assert_documented(document: &str, begin: &str, end: &str, table: &str) {
    let path = repository().join(document);
    let text = fs::read_to_string(&path).expect("readable");
    let (before, rest) = text.split_once(begin).expect("the table begins");
    let (_, after) = rest.split_once(end).expect("the table ends");
    let made = format!("{before}{begin}{table}{end}{after}");
    if std::env::var("INSTA_UPDATE").is_ok_and(|update| update == "always") {
        fs::write(&path, &made).expect("written");
    }
    let message = "accept with INSTA_UPDATE=always cargo test -p lab --test agreement";
    assert!(text == made || fs::read_to_string(&path).is_ok_and(|now| now == made), "{message}");
}
