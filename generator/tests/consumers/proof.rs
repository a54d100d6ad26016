//! docs/proof.md lists the faults that the consumers must refuse, and the placeholders in their trials.

#![expect(clippy::disallowed_methods, reason = "the same variable as for snapshots")]

use std::fs;
use std::path::Path;

use libtest_mimic::Failed;

use crate::apply;
use crate::consumer::BrokenFile;

/// The lines before and after the generated part.
const MARKS: [&str; 2] =
    ["<!-- made by generator/tests/consumers/proof.rs -->\n", "<!-- until here -->\n"];

/// The generated part must match the tests; `INSTA_UPDATE=always` writes it.
pub(crate) fn names_every_judge(judges: &[(&str, &[BrokenFile])]) -> Result<(), Failed> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/proof.md");
    let text = fs::read_to_string(&file)?;
    let [start, end] = MARKS;
    let (before, rest) = text.split_once(start).ok_or("docs/proof.md has no start mark")?;
    let (committed, after) = rest.split_once(end).ok_or("docs/proof.md has no end mark")?;
    let made = markdown(judges);
    if committed == made {
        return Ok(());
    }
    if std::env::var("INSTA_UPDATE").is_ok_and(|update| update == "always") {
        fs::write(&file, [before, start, &made, end, after].concat())?;
        return Ok(());
    }
    let message = "accept with INSTA_UPDATE=always cargo test --test consumers proof";
    Err(format!("docs/proof.md does not match the tests: {message}\n{made}").into())
}

fn markdown(judges: &[(&str, &[BrokenFile])]) -> String {
    let rows = judges.iter().flat_map(|(judge, broken)| {
        broken.iter().map(move |fault| {
            let (name, reason) = (fault.name.replace('_', " "), fault.reason.replace('|', "\\|"));
            format!("| {judge} | {name} | {} | `{reason}` |\n", fault.path)
        })
    });
    let table: String = rows.collect();
    let items = apply::PLACEHOLDERS.iter().map(|placeholder| format!("- {placeholder}\n"));
    let placeholders: String = items.collect();
    format!(
        "\n## Faults that each program refuses\n\n| program | fault | file | expected message |\n\
         |---|---|---|---|\n{table}\n## Placeholders in the trials of apply.sh\n\n{placeholders}\n"
    )
}
