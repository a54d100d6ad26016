//! `meshwright generate`: check, then all of the output directory.

use std::collections::BTreeMap;
use std::io;

use clap::Args;
use serde::Serialize;

use super::Status;
use super::failure::Failure;
use super::opened;
use super::session::{Session, files};
use meshwright_compiler::diagnostic::{Format, Report, github, json};
use meshwright_compiler::out::{self, Changes};
use meshwright_compiler::render::Rendering;

const EXAMPLES: &str = "\
Examples:
  meshwright generate
  meshwright generate --diff | less            # show the changes line by line
  meshwright generate --check --format json    # in CI: fails when out/ is out of date";

/// Write the output directory from the topology
///
/// Checks the topology first; with an error, no file on disk changes. Then all files are replaced
/// together, or none. Only files that meshwright has written are replaced or removed; files that
/// were edited by hand, only with --force. The directory contains no secrets: commit it to git.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Generate {
    /// Write nothing; exit with code 1 if the directory differs from the topology
    #[arg(long, conflicts_with_all = ["dry_run", "force"])]
    check: bool,
    /// Write nothing; print the changes as a unified diff. The exit code is that of a write
    #[arg(long, conflicts_with = "force")]
    diff: bool,
    /// Write nothing; list the changes. The exit code is that of a write
    #[arg(long, conflicts_with = "force")]
    dry_run: bool,
    /// Replace files that were edited by hand
    #[arg(long)]
    force: bool,
}

impl Generate {
    pub(super) fn run(&self, session: &mut Session<'_>) -> Result<Status, Failure> {
        if self.diff && session.global.format != Format::Human {
            let help = "leave out --diff to get the changes in that format";
            return Err(Failure::usage("--diff prints a patch, and --format something else", help));
        }
        session.refuse_out_dir()?;
        let compiled = opened::compile(session.source()?, session)?;
        let Some(plan) = &compiled.plan else {
            session.report(&compiled.report)?;
            session.talk("nothing was written")?;
            return Ok(Status::Findings);
        };
        if session.global.format != Format::Json {
            session.report(&compiled.report)?;
        }
        let changes = self.apply(&Rendering::new(plan), session)?;
        let listed = self.listed(&changes);
        match session.global.format {
            Format::Human => {}
            Format::Json => print_json(&compiled.report, &listed, &changes, session)?,
            Format::Github => self.print_github(&listed, session)?,
        }
        self.tell(&listed, &changes, session)?;
        if changes.leftover {
            let dir = session.out_dir();
            session.talk(format_args!(
                "{}/.staging was left by an interrupted run; the next `generate` clears it",
                dir.display()
            ))?;
        }
        let refused = !self.force && !changes.obstacles.is_empty();
        Ok(Status::findings(refused || self.check && !changes.is_empty()))
    }

    fn apply(&self, tree: &Rendering<'_>, session: &mut Session<'_>) -> Result<Changes, Failure> {
        let dir = session.out_dir();
        let changes = if self.diff {
            out::print_diff(tree, &dir, &mut session.out)
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

    /// Every path that differs. What stands in the way of a write is that alone, unless the write
    /// was forced and has replaced it.
    fn listed<'a>(&self, changes: &'a Changes) -> Listed<'a> {
        let Changes { added, changed, removed, obstacles, .. } = changes;
        let kinds = [(added, Kind::Added), (changed, Kind::Changed), (removed, Kind::Removed)];
        let mut listed = Listed::new();
        for (paths, kind) in kinds {
            listed.extend(paths.iter().map(|path| (path.as_str(), kind)));
        }
        if !self.force {
            listed.extend(obstacles.keys().map(|path| (path.as_str(), Kind::Blocked)));
        }
        listed
    }

    /// Drift as one command for each file: beside its first line, if the pull request shows it.
    fn print_github(&self, listed: &Listed<'_>, session: &mut Session<'_>) -> io::Result<()> {
        let topology = session.topology().display().to_string();
        let dir = session.out_dir();
        for (path, kind) in listed.iter().filter(|_| self.check) {
            let file = dir.join(path).display().to_string();
            let text = format!("{}: {path} is not what {topology} gives", kind.drifted());
            github::command(&[("file", &file), ("title", "drift")], &text, session.out)?;
        }
        Ok(())
    }

    fn tell(
        &self,
        listed: &Listed<'_>,
        changes: &Changes,
        session: &mut Session<'_>,
    ) -> io::Result<()> {
        let dir = session.out_dir();
        let dir = dir.display();
        if changes.recovered {
            session.talk("finished what an interrupted run had left")?;
        }
        if changes.is_empty() {
            return session.talk(format_args!("{dir}/ is up to date ({})", files(changes.files)));
        }
        if self.check {
            return tell_drift(listed, changes, session);
        }
        if !self.diff {
            session.talk_list(&lines(listed, changes, Kind::written))?;
        }
        if self.writes() {
            self.tell_written(changes, session)
        } else {
            tell_preview(listed, changes, session)
        }
    }

    fn tell_written(&self, changes: &Changes, session: &mut Session<'_>) -> io::Result<()> {
        let dir = session.out_dir();
        let dir = dir.display();
        let Changes { added, changed, removed, unchanged, .. } = changes;
        let (written, removed) = (files(added.len() + changed.len()), removed.len());
        session.talk(format_args!(
            "{dir}/: {written} written, {removed} removed, {unchanged} unchanged"
        ))?;
        session.talk(format_args!(
            "next: commit {dir}/, then apply it in the order of {dir}/README.md"
        ))
    }
}

fn tell_preview(
    listed: &Listed<'_>,
    changes: &Changes,
    session: &mut Session<'_>,
) -> io::Result<()> {
    let dir = session.out_dir();
    let dir = dir.display();
    if let Some(advice) = changes.advice() {
        let blocked = files(changes.obstacles.len());
        session.say(format_args!("{dir}/: nothing would be written, {blocked} in the way"))?;
        return session.say(advice);
    }
    let of = |kind| listed.values().filter(|listed| **listed == kind).count();
    let written = files(of(Kind::Added) + of(Kind::Changed));
    let (removed, unchanged) = (of(Kind::Removed), changes.unchanged);
    session.talk(format_args!(
        "{dir}/: {written} would be written, {removed} removed, {unchanged} unchanged"
    ))
}

fn tell_drift(listed: &Listed<'_>, changes: &Changes, session: &mut Session<'_>) -> io::Result<()> {
    let (dir, topology) = (session.out_dir(), session.topology().to_owned());
    let (dir, topology) = (dir.display(), topology.display());
    session.say(format_args!("{dir}/ is not what {topology} gives:"))?;
    session.list(&lines(listed, changes, Kind::drifted))?;
    match changes.advice() {
        Some(advice) => session.say(advice),
        None => session.say(format_args!("run `meshwright generate` and commit {dir}/")),
    }
}

/// What is different about a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Added,
    Changed,
    Removed,
    Blocked,
}

impl Kind {
    /// What a write does to the file.
    fn written(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Changed => "changed",
            Self::Removed => "removed",
            Self::Blocked => "blocked",
        }
    }

    /// What is wrong with a file that should be there already.
    fn drifted(self) -> &'static str {
        match self {
            Self::Added => "missing",
            Self::Removed => "stale",
            other => other.written(),
        }
    }
}

/// Paths below the output directory, in their order.
type Listed<'a> = BTreeMap<&'a str, Kind>;

fn lines(listed: &Listed<'_>, changes: &Changes, word: fn(Kind) -> &'static str) -> Vec<String> {
    let line = |(path, kind): (&&str, &Kind)| match changes.obstacles.get(*path) {
        Some(obstacle) => format!("{:8}{path} ({obstacle})", word(*kind)),
        None => format!("{:8}{path}", word(*kind)),
    };
    listed.iter().map(line).collect()
}

#[derive(Serialize)]
struct Document<'a, D> {
    #[serde(flatten)]
    report: D,
    changes: DocumentChanges<'a>,
}

#[derive(Serialize)]
struct DocumentChanges<'a> {
    added: Vec<&'a str>,
    changed: Vec<&'a str>,
    removed: Vec<&'a str>,
    blocked: Vec<Blocked<'a>>,
    unchanged: usize,
}

#[derive(Serialize)]
struct Blocked<'a> {
    path: &'a str,
    reason: String,
}

/// Prints report and changes as one document.
fn print_json(
    report: &Report,
    listed: &Listed<'_>,
    changes: &Changes,
    session: &mut Session<'_>,
) -> io::Result<()> {
    let of = |kind| {
        let paths = listed.iter().filter(move |(_, listed)| **listed == kind);
        paths.map(|(path, _)| *path)
    };
    let blocked = of(Kind::Blocked).filter_map(|path| {
        changes.obstacles.get(path).map(|obstacle| Blocked { path, reason: obstacle.to_string() })
    });
    let changes = DocumentChanges {
        added: of(Kind::Added).collect(),
        changed: of(Kind::Changed).collect(),
        removed: of(Kind::Removed).collect(),
        blocked: blocked.collect(),
        unchanged: changes.unchanged,
    };
    let document = Document { report: json::document(report), changes };
    serde_json::to_writer_pretty(&mut *session.out, &document)?;
    writeln!(session.out)
}
