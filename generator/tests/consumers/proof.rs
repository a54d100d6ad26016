//! docs/proof.md says what the judges are shown to refuse, and what is not real where they are asked.

#![expect(clippy::disallowed_methods, reason = "the same switch as for snapshots")]

use std::fs;
use std::path::Path;

use libtest_mimic::Failed;

use crate::apply;
use crate::consumer::Broken;

/// What stands before and after the part that is made here.
const MARKS: [&str; 2] =
    ["<!-- made by generator/tests/consumers/proof.rs -->\n", "<!-- until here -->\n"];

/// The document's part is what the tests have; `INSTA_UPDATE=always` writes it.
pub(crate) fn names_every_judge(judges: &[(&str, &[Broken])]) -> Result<(), Failed> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/proof.md");
    let text = fs::read_to_string(&file)?;
    let [start, end] = MARKS;
    let (before, rest) = text.split_once(start).ok_or("docs/proof.md has no mark")?;
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
    Err(format!("docs/proof.md is not what the tests have: {message}\n{made}").into())
}

fn markdown(judges: &[(&str, &[Broken])]) -> String {
    let rows = judges.iter().flat_map(|(judge, broken)| {
        broken.iter().map(move |fault| {
            let (name, said) = (fault.name.replace('_', " "), fault.reason.replace('|', "\\|"));
            format!("| {judge} | {name} | {} | `{said}` |\n", fault.path)
        })
    });
    let table: String = rows.collect();
    let stand_ins = apply::STAND_INS.iter().map(|stand_in| format!("- {stand_in}\n"));
    let stand_ins: String = stand_ins.collect();
    format!(
        "\n## What each judge refuses\n\n| judge | fault | put into | what it must say |\n\
         |---|---|---|---|\n{table}\n## What is not real where apply.sh is run\n\n{stand_ins}\n"
    )
}
