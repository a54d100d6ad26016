//! Each fixture is refused for the fault in its name, and for no other.

#![expect(clippy::expect_used, reason = "clippy knows tests by their attribute, not their helpers")]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use meshwright_compiler::catalogue;
use meshwright_compiler::diagnostic::{Report, Severity};

use crate::snapshot;
use crate::testing::{compile, compile_text, human};

/// The codes of a report.
fn codes(report: &Report) -> BTreeSet<&'static str> {
    report.diagnostics.iter().map(|found| found.code).collect()
}

/// The code that a fixture is there for: `subnet-overlap` of `subnet-overlap.docker.toml`.
pub(crate) fn code_of(fixture: &Path) -> String {
    let name = fixture.file_name().and_then(|name| name.to_str()).expect("fixtures have names");
    name.split('.').next().unwrap_or_default().to_owned()
}

/// The fixtures by name, with their text.
pub(crate) fn fixtures() -> impl Iterator<Item = (String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/reject");
    let entries = fs::read_dir(folder).expect("the fixtures are there");
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("readable").path()).collect();
    paths.sort();
    paths.into_iter().map(|path| {
        let name = path.file_name().expect("a file").to_string_lossy().into_owned();
        (name, fs::read_to_string(path).expect("readable"))
    })
}

#[test]
fn fixtures_are_refused_for_their_fault_alone() {
    snapshot::settings().bind(|| {
        insta::glob!("../../fixtures/reject", "*.toml", |path| {
            let compiled = compile(path);
            let printed = human(&compiled);
            let expected = code_of(path);
            assert_eq!(codes(&compiled.report), BTreeSet::from([expected.as_str()]), "{printed}");
            assert_eq!(
                compiled.report.diagnostics.len(),
                1,
                "one mistake is reported once:\n{printed}"
            );
            insta::assert_snapshot!("reject", printed);
        });
    });
}

/// If a value is not a list, the rules still check the rest.
#[test]
fn rules_run_beside_a_value_that_is_not_a_list() {
    let topology = "nodes = 3\ncluster = { name = \"atlas\", kubernetes_version = \"1.36.2\" }\n\
                    network = { pod_subnet = \"10.96.0.0/16\" }\n";
    let compiled = compile_text("topology.toml", topology.to_owned());
    let expected = BTreeSet::from(["subnet-overlap", "type-mismatch"]);
    assert_eq!(codes(&compiled.report), expected, "{}", human(&compiled));
}

/// The codes of a report, each as often as it is reported.
fn reported_codes(text: String) -> Vec<&'static str> {
    let found = compile_text("topology.toml", text).report.diagnostics;
    found.iter().map(|found| found.code).collect()
}

fn is_error(code: &str) -> bool {
    catalogue::entries().any(|entry| entry.code == code && entry.severity == Severity::Error)
}

/// An error is reported beside an unrelated one. A warning may be left out.
#[test]
fn a_fault_elsewhere_hides_none() {
    let other = "\n[[lint.allow]]\ncode = \"relay-unused\"\nreason = 1\n";
    let mut beside = 0;
    for (name, text) in fixtures() {
        let code = code_of(Path::new(&name));
        let apart = !code.starts_with("lint-allow") && code != "toml-syntax";
        // The allowance itself is gone with its reason.
        if apart && !text.contains("lint") {
            let found = reported_codes(text + other);
            let both: &[&str] = &[&code, "type-mismatch"];
            let is_hidden = !is_error(&code) && found == ["type-mismatch"];
            let mut sorted = found.clone();
            sorted.sort_by_key(|found| *found == "type-mismatch");
            assert!(is_hidden || sorted == both, "{name}: {found:?}");
            beside += usize::from(sorted == both);
        }
    }
    assert!(beside > 50, "only {beside} faults are reported beside the other one");
}

/// A fault in the same table may hide another, and brings none with it.
#[test]
fn a_fault_beside_it_adds_none() {
    let others = [
        ("\n[[nodes]]\nname = \"zz\"\nid = 99\nrole = 1\n", "type-mismatch"),
        ("\n[[nodes]]\nname = \"zz\"\nid = \"99\"\nrole = \"worker\"\n", "type-mismatch"),
        ("\n[[clients]]\nname = \"zz\"\nid = 99\npublic_key = \"\"\n", "value-malformed"),
        ("\n[[sites]]\nname = \"zz\"\nsubnet = \"192.168.7.0\"\n", "value-malformed"),
        ("\n[[sites]]\nname = \"zz\"\nsubnets = \"192.168.7.0/24\"\n", "key-unknown"),
    ];
    let mut kept = 0;
    for (name, text) in fixtures() {
        let code = code_of(Path::new(&name));
        for (other, added) in others {
            let mut found = reported_codes(format!("{text}{other}"));
            // An array in one line takes no further table.
            if found == ["toml-syntax"] {
                continue;
            }
            let position = found.iter().position(|found| *found == added);
            let _ = found.remove(position.unwrap_or_else(|| panic!("{name}: {found:?}")));
            let is_same = found.iter().all(|found| *found == code);
            assert!(is_same, "{name} with {other}: {found:?}");
            kept += usize::from(!found.is_empty());
        }
    }
    assert!(kept > 100, "only {kept} faults are reported beside another one");
}
