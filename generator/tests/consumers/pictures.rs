//! mermaid's own parser reads the diagrams of each tree's README and of the documentation.

use std::fs;
use std::io;
use std::path::Path;

use libtest_mimic::Failed;

use crate::consumer::{BrokenFile, Consumer, ConsumerVerdict, each, need};
use crate::namespace::outside;
use crate::need::Need;
use crate::testing;

pub(crate) const NEEDS: &[Need] =
    &[need("type mermaid-parse", "no judges: generator/tests/consumers/judges/install")];

/// The parser of mermaid.
pub(crate) const CONSUMERS: &[Consumer] = &[Consumer {
    name: "mermaid",
    tier: "judges",
    needs: NEEDS,
    reads: |path| path == "README.md",
    judge: |files| each(files, |file| judge(file, true)),
    broken: &[
        BrokenFile {
            name: "an_unknown_diagram_type",
            path: "README.md",
            original: "\nflowchart ",
            replacement: "\nflowchrt ",
            reason: "No diagram type detected matching given configuration for text: flowchrt",
        },
        BrokenFile {
            name: "a_group_without_an_end",
            path: "README.md",
            original: "\n  end\n",
            replacement: "\n",
            reason: "picture 1: Parse error",
        },
        BrokenFile {
            name: "a_quote_in_a_label",
            path: "README.md",
            original: "[\"",
            replacement: "[\"\"",
            reason: "picture 1: Parse error",
        },
    ],
}];

fn judge(file: &Path, must_have_one: bool) -> io::Result<ConsumerVerdict> {
    let done = outside(r#"mermaid-parse "$1""#, file)?;
    let has_none = done.stdout.ends_with(b": 0 pictures\n");
    Ok(match ConsumerVerdict::from_output(done) {
        ConsumerVerdict::Accepted if must_have_one && has_none => {
            ConsumerVerdict::Refused(format!("{}: 0 pictures", file.display()))
        }
        verdict => verdict,
    })
}

/// README, CONTRIBUTING, the pages in `docs`, and those of the lab.
pub(crate) fn documentation_diagrams() -> Result<(), Failed> {
    let root = testing::repository();
    for folder in ["", "docs", "lab"] {
        for entry in fs::read_dir(root.join(folder))? {
            let file = entry?.path();
            if file.extension().is_none_or(|extension| extension != "md") {
                continue;
            }
            let must_have_one = folder.is_empty() && file.ends_with("README.md");
            if let ConsumerVerdict::Refused(reason) = judge(&file, must_have_one)? {
                return Err(reason.into());
            }
        }
    }
    Ok(())
}
