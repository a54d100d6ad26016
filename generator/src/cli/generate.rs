//! `meshwright generate`: check, then all of the output directory.

use std::collections::BTreeMap;
use std::io;

use clap::Args;
use serde::Serialize;

use super::Status;
use super::failure::Failure;
use super::session::{Session, count};
use crate::diagnostic::{Format, Report, json};
use crate::out::{self, Changes};
use crate::pipeline;
use crate::render::Rendering;

const EXAMPLES: &str = "\
Examples:
  meshwright generate
  meshwright generate --diff | less            # what would change, line by line
  meshwright generate --check --format json    # in CI: fails when out/ is stale";

/// Write the output directory from the topology
///
/// Checks first: with an error in the topology, nothing on disk changes. Then every file lands at
/// once or not at all. Only files that meshwright wrote are ever replaced or removed, and those
/// that were edited by hand only with --force. No secret is among them: commit the directory.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Generate {
    /// Write nothing, and fail if the directory differs from the topology
    #[arg(long, conflicts_with_all = ["dry_run", "force"])]
    check: bool,
    /// Write nothing, and print what would change as a unified diff
    #[arg(long, conflicts_with = "force")]
    diff: bool,
    /// Write nothing, and list what would change
    #[arg(long, conflicts_with = "force")]
    dry_run: bool,
    /// Replace files that were edited by hand
    #[arg(long)]
    force: bool,
}

impl Generate {
    pub(super) fn run(&self, session: &mut Session<'_>) -> Result<Status, Failure> {
        if self.diff && session.global.format == Format::Json {
            let help = "leave out --diff to get the changes as JSON";
            return Err(Failure::usage("--diff prints a patch, not JSON", help));
        }
        let compiled = pipeline::compile(&session.source()?);
        let Some(plan) = &compiled.plan else {
            session.report(&compiled.report)?;
            session.talk("nothing was written")?;
            return Ok(Status::Findings);
        };
        if session.global.format != Format::Json {
            session.report(&compiled.report)?;
        }
        let changes = self.apply(&Rendering::new(plan), session)?;
        if session.global.format == Format::Json {
            print_json(&compiled.report, &changes, session)?;
        }
        self.tell(&changes, session)?;
        Ok(Status::findings(self.check && !changes.is_empty()))
    }

    fn apply(&self, tree: &Rendering<'_>, session: &mut Session<'_>) -> Result<Changes, Failure> {
        let dir = session.out_dir();
        let changes = if self.diff {
            out::diff(tree, &dir, &mut session.out)
        } else if self.writes() {
            out::write(tree, &dir, out::Options { force: self.force })
        } else {
            out::compare(tree, &dir)
        };
        Ok(changes?)
    }

    fn writes(&self) -> bool {
        !(self.check || self.diff || self.dry_run)
    }

    fn tell(&self, changes: &Changes, session: &mut Session<'_>) -> io::Result<()> {
        let dir = session.out_dir();
        let dir = dir.display();
        if changes.recovered {
            session.talk("finished what an interrupted run had left")?;
        }
        if changes.is_empty() {
            return session.talk(format_args!("{dir}/ is up to date ({})", files(changes.files)));
        }
        if self.check {
            return tell_drift(changes, session);
        }
        if !self.diff {
            session.talk_list(&lines(changes, &WRITTEN))?;
        }
        let Changes { added, changed, removed, unchanged, .. } = changes;
        let (written, removed) = (files(added.len() + changed.len()), removed.len());
        if !self.writes() {
            return session.talk(format_args!(
                "{dir}/: {written} would be written, {removed} removed, {unchanged} unchanged"
            ));
        }
        session.talk(format_args!(
            "{dir}/: {written} written, {removed} removed, {unchanged} unchanged"
        ))?;
        session.talk(format_args!(
            "next: commit {dir}/, then apply it in the order of {dir}/README.md"
        ))
    }
}

fn tell_drift(changes: &Changes, session: &mut Session<'_>) -> io::Result<()> {
    let (dir, topology) = (session.out_dir(), session.topology().to_owned());
    let (dir, topology) = (dir.display(), topology.display());
    let lines = lines(changes, &DRIFTED);
    session.say(format_args!("{dir}/ is not what {topology} gives:"))?;
    session.list(&lines)?;
    session.say(format_args!("run `meshwright generate` and commit {dir}/"))
}

fn files(number: usize) -> String {
    count(number, "file")
}

/// What added, changed, removed and blocked files are called.
type Words = [&'static str; 4];
const WRITTEN: Words = ["added", "changed", "removed", "blocked"];
const DRIFTED: Words = ["missing", "changed", "stale", "blocked"];

/// A line for each path, in their order.
fn lines(changes: &Changes, words: &Words) -> Vec<String> {
    let Changes { added, changed, removed, obstacles, .. } = changes;
    let blocked = obstacles.keys().map(|path| (path, words[3]));
    let mut paths: BTreeMap<_, _> = blocked.collect();
    for (listed, word) in [added, changed, removed].into_iter().zip(words) {
        paths.extend(listed.iter().map(|path| (path, *word)));
    }
    let line = |(path, word): (&String, &str)| match obstacles.get(path) {
        Some(obstacle) => format!("{word:8}{path} ({obstacle})"),
        None => format!("{word:8}{path}"),
    };
    paths.into_iter().map(line).collect()
}

#[derive(Serialize)]
struct Document<'a, D> {
    #[serde(flatten)]
    report: D,
    changes: DocumentChanges<'a>,
}

#[derive(Serialize)]
struct DocumentChanges<'a> {
    added: &'a [String],
    changed: &'a [String],
    removed: &'a [String],
    blocked: Vec<Blocked<'a>>,
    unchanged: usize,
}

#[derive(Serialize)]
struct Blocked<'a> {
    path: &'a str,
    reason: String,
}

/// Prints report and changes as one document.
fn print_json(report: &Report, changes: &Changes, session: &mut Session<'_>) -> io::Result<()> {
    let blocked = changes.obstacles.iter();
    let blocked =
        blocked.map(|(path, obstacle)| Blocked { path, reason: obstacle.to_string() }).collect();
    let changes = DocumentChanges {
        added: &changes.added,
        changed: &changes.changed,
        removed: &changes.removed,
        blocked,
        unchanged: changes.unchanged,
    };
    let document = Document { report: json::document(report), changes };
    serde_json::to_writer_pretty(&mut *session.out, &document)?;
    writeln!(session.out)
}
