//! The pictures, read by mermaid's own parser: those of each tree's README, and of the documentation.

use std::fs;
use std::io;
use std::path::Path;

use libtest_mimic::Failed;

use crate::consumer::{Broken, Consumer, Verdict, each, need};
use crate::namespace::outside;
use crate::need::Need;

pub(crate) const NEEDS: &[Need] =
    &[need("type mermaid-parse", "no judges: generator/tests/consumers/judges/install")];

/// All of them.
pub(crate) const CONSUMERS: &[Consumer] = &[Consumer {
    name: "mermaid",
    tier: "judges",
    needs: NEEDS,
    reads: |path| path == "README.md",
    judge: |files| each(files, |file| judge(file, true)),
    broken: &[
        Broken {
            name: "a_kind_of_picture_that_is_none",
            path: "README.md",
            sound: "\nflowchart ",
            unsound: "\nflowchrt ",
            reason: "No diagram type detected matching given configuration for text: flowchrt",
        },
        Broken {
            name: "a_group_without_end",
            path: "README.md",
            sound: "\n  end\n",
            unsound: "\n",
            reason: "picture 1: Parse error",
        },
        Broken {
            name: "a_quote_in_a_label",
            path: "README.md",
            sound: "[\"",
            unsound: "[\"\"",
            reason: "picture 1: Parse error",
        },
    ],
}];

fn judge(file: &Path, must_have_one: bool) -> io::Result<Verdict> {
    let done = outside(r#"mermaid-parse "$1""#, file)?;
    let has_none = done.stdout.ends_with(b": 0 pictures\n");
    Ok(match Verdict::of(done) {
        Verdict::Accepted if must_have_one && has_none => {
            Verdict::Refused(format!("{}: 0 pictures", file.display()))
        }
        verdict => verdict,
    })
}

/// README, the map for contributors, the pages in `docs`, and the lab's own.
pub(crate) fn of_the_documentation() -> Result<(), Failed> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    for folder in ["", "docs", "lab"] {
        for entry in fs::read_dir(root.join(folder))? {
            let file = entry?.path();
            if file.extension().is_none_or(|extension| extension != "md") {
                continue;
            }
            let must_have_one = folder.is_empty() && file.ends_with("README.md");
            if let Verdict::Refused(reason) = judge(&file, must_have_one)? {
                return Err(reason.into());
            }
        }
    }
    Ok(())
}
