//! `meshwright explain`: prints the explanation of a code.

use std::io::{self, Write};

use clap::Args;

use super::Status;
use super::failure::Failure;
use super::session::Session;
use meshwright_compiler::catalogue;
use meshwright_value::closest;

const EXAMPLES: &str = "\
Examples:
  meshwright explain                       # list all codes
  meshwright explain public-key-missing";

/// Explain a diagnostic and how to correct it
///
/// Prints what happens on the hosts if the finding is ignored, how to correct it, and the source of
/// the fact. Without a code, lists all codes by topic.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Explain {
    /// The code in brackets in a diagnostic
    code: Option<String>,
    /// Print all explanations as one Markdown page
    #[arg(long, conflicts_with = "code")]
    markdown: bool,
}

impl Explain {
    pub(super) fn run(&self, session: &mut Session<'_>) -> Result<Status, Failure> {
        match &self.code {
            Some(code) => explain(code, session.out)?,
            None if self.markdown => session.out.write_all(catalogue::markdown().as_bytes())?,
            None => list(session.out)?,
        }
        Ok(Status::Clean)
    }
}

fn explain(code: &str, out: &mut dyn Write) -> Result<(), Failure> {
    let known: Vec<_> = catalogue::entries().collect();
    let Some(entry) = known.iter().find(|entry| entry.code == code) else {
        let help = match closest(code, known.iter().map(|entry| entry.code)) {
            Some(suggestion) => format!("did you mean `{suggestion}`?"),
            None => "run `meshwright explain` to list all codes".to_owned(),
        };
        return Err(Failure::usage(format!("there is no code `{code}`"), help));
    };
    let severity = entry.severity.as_str();
    writeln!(out, "{severity}[{code}]: {}\n\n{}", entry.summary, entry.explain.trim_end())?;
    Ok(())
}

fn list(out: &mut dyn Write) -> io::Result<()> {
    let width = catalogue::entries().map(|entry| entry.code.len()).max().unwrap_or_default();
    for (theme, entries) in catalogue::by_theme() {
        writeln!(out, "{}", theme.title())?;
        for entry in entries {
            let severity = entry.severity.as_str();
            writeln!(out, "  {:width$}  {severity:7}  {}", entry.code, entry.summary)?;
        }
    }
    Ok(())
}
