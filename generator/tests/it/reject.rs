//! Each fixture is refused for the fault that its name says, and for nothing else.

#![expect(clippy::expect_used, reason = "clippy knows tests by their attribute, not their helpers")]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use meshwright::diagnostic::{Format, Report, print};
use meshwright::document::Source;
use meshwright::pipeline;

use crate::snapshot;

/// What is found in a topology, under a name that does not depend on where the repository lies.
pub(crate) fn report(text: &str) -> Report {
    let source = Source { name: "topology.toml".to_owned(), text: text.to_owned() };
    pipeline::compile(&source).report
}

/// The codes of a report.
pub(crate) fn codes(report: &Report) -> BTreeSet<&'static str> {
    report.diagnostics.iter().map(|found| found.code).collect()
}

fn printed(report: &Report) -> String {
    let mut out = Vec::new();
    print(report, Format::Human, false, &mut out).expect("memory takes everything");
    String::from_utf8(out).expect("reports are UTF-8")
}

/// The code that a fixture is there for: `subnet-overlap` of `subnet-overlap.docker.toml`.
pub(crate) fn code_of(fixture: &Path) -> String {
    let name = fixture.file_name().and_then(|name| name.to_str()).expect("fixtures have names");
    name.split('.').next().unwrap_or_default().to_owned()
}

#[test]
fn fixtures_are_refused_for_their_fault_alone() {
    snapshot::settings().bind(|| {
        insta::glob!("../../fixtures/reject", "*.toml", |path| {
            let report = report(&fs::read_to_string(path).unwrap());
            let expected = code_of(path);
            assert_eq!(codes(&report), BTreeSet::from([expected.as_str()]), "{}", printed(&report));
            assert_eq!(
                report.diagnostics.len(),
                1,
                "one mistake, one diagnostic:\n{}",
                printed(&report)
            );
            insta::assert_snapshot!("reject", printed(&report));
        });
    });
}
