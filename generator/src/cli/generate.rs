//! `meshwright generate`: checks the topology, then writes the output directory.

use std::collections::BTreeMap;
use std::io;

use clap::Args;
use serde::Serialize;

use super::Status;
use super::changed::TreeChange;
use super::failure::Failure;
use super::opened;
use super::session::{Session, files, print_document};
use meshwright_compiler::diagnostic::{Format, Report, ShownReport, github, json};
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
    /// Write into a directory with files of others, and take over those that already have the right
    /// bytes
    #[arg(long)]
    adopt: bool,
}

impl Generate {
    pub(super) fn run(&self, session: &mut Session<'_>) -> Result<Status, Failure> {
        if self.diff && session.global.format != Format::Human {
            let help = "omit --diff to get the changes in that format";
            return Err(Failure::usage("--diff cannot be combined with --format", help));
        }
        session.refuse_out_dir()?;
        let mut compiled = opened::compile(session)?;
        let Some(plan) = compiled.plan.take() else {
            session.report(&compiled.report)?;
            session.info("nothing was written")?;
            return Ok(Status::Findings);
        };
        let rendering = Rendering::new(&plan);
        let dir = session.out_dir();
        let topology = compiled.topology.as_ref();
        let change = topology.and_then(|topology| TreeChange::find(&dir, &rendering, topology));
        if let Some(change) = &change {
            change.add_warnings(&mut compiled);
        }
        if session.global.format != Format::Json {
            session.report(&compiled.report)?;
        }
        let changes = self.apply(&rendering, session)?;
        let listed = self.changed_paths(&changes);
        match session.global.format {
            Format::Human => {}
            Format::Json => print_json(&compiled.report, &listed, &changes, session)?,
            Format::Github => self.print_github(&listed, session)?,
        }
        self.print_changes(&listed, &changes, change.as_ref(), session)?;
        if changes.leftover {
            let dir = session.out_dir();
            session.info(format_args!(
                "{}/.staging remains from an interrupted run; the next `generate` deletes it",
                dir.display()
            ))?;
        }
        let refused = !self.force && !changes.obstacles.is_empty();
        Ok(Status::findings(refused || self.check && !changes.is_empty()))
    }

    fn apply(&self, tree: &Rendering<'_>, session: &mut Session<'_>) -> Result<Changes, Failure> {
        let dir = session.out_dir();
        let options = out::Options { force: self.force, adopt: self.adopt };
        let changes = if self.diff {
            out::print_diff(tree, &dir, options, &mut session.out)
        } else if self.writes() {
            out::write(tree, &dir, options)
        } else {
            out::compare(tree, &dir, options)
        };
        Ok(changes?)
    }

    fn writes(&self) -> bool {
        !(self.check || self.diff || self.dry_run)
    }

    /// Every path that differs. A path that blocks the write is listed only as blocked, unless the write
    /// was forced and has replaced it.
    fn changed_paths<'a>(&self, changes: &'a Changes) -> ChangedPaths<'a> {
        let Changes { added, changed, removed, obstacles, .. } = changes;
        let kinds = [
            (added, ChangeKind::Added),
            (changed, ChangeKind::Changed),
            (removed, ChangeKind::Removed),
        ];
        let mut listed = ChangedPaths::new();
        for (paths, kind) in kinds {
            listed.extend(paths.iter().map(|path| (path.as_str(), kind)));
        }
        if !self.force {
            listed.extend(obstacles.keys().map(|path| (path.as_str(), ChangeKind::Blocked)));
        }
        listed
    }

    /// Prints drift as one workflow command per file.
    fn print_github(&self, listed: &ChangedPaths<'_>, session: &mut Session<'_>) -> io::Result<()> {
        let topology = session.topology().display().to_string();
        let dir = session.out_dir();
        for (path, kind) in listed.iter().filter(|_| self.check) {
            let file = dir.join(path).display().to_string();
            let text = format!("{}: {path} does not match {topology}", kind.drifted());
            github::command(&[("file", &file), ("title", "drift")], &text, session.out)?;
        }
        Ok(())
    }

    fn print_changes(
        &self,
        listed: &ChangedPaths<'_>,
        changes: &Changes,
        change: Option<&TreeChange>,
        session: &mut Session<'_>,
    ) -> io::Result<()> {
        let out = session.out_dir();
        let dir = out.display();
        if changes.recovered {
            session.info("completed the write of an interrupted run")?;
        }
        if changes.is_empty() {
            return session.info(format_args!("{dir}/ is up to date ({})", files(changes.files)));
        }
        if self.check {
            return print_drift(listed, changes, session);
        }
        if !self.diff {
            session.info_list(&lines(listed, changes, ChangeKind::written))?;
        }
        if self.writes() {
            print_written(changes, change, session)
        } else {
            print_preview(listed, changes, session)
        }
    }
}

/// Ends with whom to deliver to, compared with the files that were there before.
fn print_written(
    changes: &Changes,
    change: Option<&TreeChange>,
    session: &mut Session<'_>,
) -> io::Result<()> {
    let out = session.out_dir();
    let dir = out.display();
    let Changes { added, changed, removed, unchanged, .. } = changes;
    let (written, deleted) = (files(added.len() + changed.len()), removed.len());
    session.info(format_args!(
        "{dir}/: {written} written, {deleted} removed, {unchanged} unchanged"
    ))?;
    let Some(change) = change else {
        return session.info(format_args!("next: commit {dir}/, then follow {dir}/README.md"));
    };
    change.summary().into_iter().try_for_each(|line| session.info(line))?;
    if !change.concerns_cluster() {
        return session.info(format_args!("next: commit {dir}/"));
    }
    session.info(format_args!(
        "next: `meshwright plan` compares {dir}/ with the last commit, and prints the steps in order"
    ))
}

fn print_preview(
    listed: &ChangedPaths<'_>,
    changes: &Changes,
    session: &mut Session<'_>,
) -> io::Result<()> {
    let out = session.out_dir();
    let dir = out.display();
    if let Some(advice) = changes.advice() {
        let blocked = files(changes.obstacles.len());
        session.print(format_args!("{dir}/: nothing would be written, {blocked} blocked"))?;
        return session.print(advice);
    }
    let count_kind = |kind| listed.values().filter(|listed| **listed == kind).count();
    let written = files(count_kind(ChangeKind::Added) + count_kind(ChangeKind::Changed));
    let (removed, unchanged) = (count_kind(ChangeKind::Removed), changes.unchanged);
    session.info(format_args!(
        "{dir}/: {written} would be written, {removed} removed, {unchanged} unchanged"
    ))
}

fn print_drift(
    listed: &ChangedPaths<'_>,
    changes: &Changes,
    session: &mut Session<'_>,
) -> io::Result<()> {
    let (out, path) = (session.out_dir(), session.topology().to_owned());
    let (dir, topology) = (out.display(), path.display());
    session.print(format_args!("{dir}/ does not match {topology}:"))?;
    session.print_list(&lines(listed, changes, ChangeKind::drifted))?;
    match changes.advice() {
        Some(advice) => session.print(advice),
        None => session.print(format_args!("run `meshwright generate` and commit {dir}/")),
    }
}

/// How a file differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ChangeKind {
    Added,
    Changed,
    Removed,
    Blocked,
}

impl ChangeKind {
    /// The action of a write.
    fn written(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Changed => "changed",
            Self::Removed => "removed",
            Self::Blocked => "blocked",
        }
    }

    /// The state of a file that should match already.
    fn drifted(self) -> &'static str {
        match self {
            Self::Added => "missing",
            Self::Removed => "stale",
            other => other.written(),
        }
    }
}

/// Paths below the output directory, sorted.
type ChangedPaths<'a> = BTreeMap<&'a str, ChangeKind>;

fn lines(
    listed: &ChangedPaths<'_>,
    changes: &Changes,
    word: fn(ChangeKind) -> &'static str,
) -> Vec<String> {
    let line = |(path, kind): (&&str, &ChangeKind)| match changes.obstacles.get(*path) {
        Some(obstacle) => format!("{:8}{path} ({obstacle})", word(*kind)),
        None => format!("{:8}{path}", word(*kind)),
    };
    listed.iter().map(line).collect()
}

#[derive(Serialize)]
struct GenerateDocument<'a, D> {
    #[serde(flatten)]
    report: D,
    changes: JsonChanges<'a>,
}

#[derive(Serialize)]
struct JsonChanges<'a> {
    added: Vec<&'a str>,
    changed: Vec<&'a str>,
    removed: Vec<&'a str>,
    blocked: Vec<BlockedFile<'a>>,
    unchanged: usize,
}

#[derive(Serialize)]
struct BlockedFile<'a> {
    path: &'a str,
    reason: String,
}

/// Prints report and changes as one document.
fn print_json(
    report: &Report,
    listed: &ChangedPaths<'_>,
    changes: &Changes,
    session: &mut Session<'_>,
) -> io::Result<()> {
    let paths_of_kind = |kind| {
        let paths = listed.iter().filter(move |(_, listed)| **listed == kind);
        paths.map(|(path, _)| *path)
    };
    let blocked = paths_of_kind(ChangeKind::Blocked).filter_map(|path| {
        changes
            .obstacles
            .get(path)
            .map(|obstacle| BlockedFile { path, reason: obstacle.to_string() })
    });
    let changes = JsonChanges {
        added: paths_of_kind(ChangeKind::Added).collect(),
        changed: paths_of_kind(ChangeKind::Changed).collect(),
        removed: paths_of_kind(ChangeKind::Removed).collect(),
        blocked: blocked.collect(),
        unchanged: changes.unchanged,
    };
    let report = ShownReport::new(report);
    let document = GenerateDocument { report: json::document(&report), changes };
    print_document(session.out, &document)
}
