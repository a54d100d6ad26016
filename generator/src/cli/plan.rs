//! `meshwright plan`: the way from the tree that the machines have to the one in the output directory.

use std::path::{Path, PathBuf};

use clap::Args;

use super::Status;
use super::failure::Failure;
use super::session::{Session, print_document};
use crate::git::{CommittedFolder, GitError};
use meshwright_change::plan::ChangePlan;
use meshwright_change::report::{human, markdown};
use meshwright_change::tree::{ComparedTree, TreeFault};
use meshwright_compiler::diagnostic::github;
use meshwright_compiler::out;
use meshwright_proof::files::{OutputDirectory, TreeFiles, TreeReadError};
use meshwright_value::printable_lines;

const EXAMPLES: &str = "\
Examples:
  meshwright plan                          # from the last commit to out/
  meshwright plan --from origin/main
  meshwright plan --from ../delivered/out  # from another directory
  meshwright plan --new                    # no machine has anything yet
  meshwright plan --format markdown        # for a comment of a pull request
  meshwright plan --format json | jq -r '.steps[].commands[]'";

/// Plan the change from the committed output directory to the one on disk
///
/// Compares two output directories and prints what changes for people, what a running cluster cannot
/// change, and the steps in an order that loses as few flows as possible. Every state between the two
/// is proven: after each step, all flows that hold before and after the change are walked again, with
/// the old files of some machines and the new files of others. A step that loses flows names them, and
/// the step after which they hold again. Needs no topology, no network and no root; changes nothing.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Plan {
    /// What the machines have: a revision of git, or a directory
    #[arg(long, value_name = "REV|DIR", default_value = "HEAD", conflicts_with = "new")]
    from: String,
    /// No machine has anything yet: plan the first installation
    #[arg(long)]
    new: bool,
    /// Output format: text, Markdown, JSON (`meshwright schema plan`), or workflow commands of GitHub
    // This overrides the global option of the same id, so its type is the same.
    #[arg(id = "format", long, value_name = "FORMAT", default_value = "human")]
    #[arg(value_parser = ["human", "markdown", "json", "github"])]
    format: String,
}

impl Plan {
    pub(super) fn run(&self, session: &mut Session<'_>) -> Result<Status, Failure> {
        let dir = session.out_dir();
        let new = out::read(&dir, || compared(&OutputDirectory(&dir), None, &dir))??;
        session.refuse_unproven()?;
        let plan = if self.new {
            ChangePlan::installation(&new)
        } else {
            change(&read_old(&self.from, &dir, &new)?, &new)?
        };
        self.print(&plan, session)?;
        Ok(Status::findings(!plan.refusals.is_empty() || plan.loses()))
    }

    fn print(&self, plan: &ChangePlan, session: &mut Session<'_>) -> Result<(), Failure> {
        match self.format.as_str() {
            "json" => print_document(session.out, plan)?,
            "markdown" => write!(session.out, "{}", printable_lines(&markdown::text(plan)))?,
            "github" => print_github(plan, session)?,
            _ => write!(session.out, "{}", printable_lines(&human::text(plan)))?,
        }
        Ok(())
    }
}

impl Session<'_> {
    /// A plan leads to a tree that works.
    pub(super) fn refuse_unproven(&self) -> Result<(), Failure> {
        match self.prove()?.holds() {
            true => Ok(()),
            false => Err(unproven(&self.out_dir())),
        }
    }
}

/// No plan leads to a tree that does not work.
pub(super) fn unproven(dir: &Path) -> Failure {
    let message = format!("{}/ is not proven, so there is no plan that leads to it", dir.display());
    Failure::usage(message, "run `meshwright prove`, which names the causes")
}

/// The plan from one tree to the other.
pub(super) fn change(old: &ComparedTree, new: &ComparedTree) -> Result<ChangePlan, Failure> {
    ChangePlan::new(old, new).map_err(|findings| {
        let first = findings.first().map(|finding| finding.message.clone());
        let message = format!(
            "the files of a state between the two trees do not form a network: {}",
            first.unwrap_or_default()
        );
        Failure::usage(message, "split the change into two, and plan each")
    })
}

/// The tree of a revision of git, or of a directory.
pub(super) fn read_old(
    from: &str,
    dir: &Path,
    new: &ComparedTree,
) -> Result<ComparedTree, Failure> {
    let folder = PathBuf::from(from);
    if folder.is_dir() {
        return out::read(&folder, || compared(&OutputDirectory(&folder), Some(new), &folder))?;
    }
    let committed = CommittedFolder::read(from, dir).map_err(unread)?;
    let shown = PathBuf::from(format!("{from}:{}", dir.display()));
    compared(&committed, Some(new), &shown)
}

/// Refused values and lost flows, as annotations.
fn print_github(plan: &ChangePlan, session: &mut Session<'_>) -> Result<(), Failure> {
    for refusal in &plan.refusals {
        let text = format!(
            "{}: {}\non the machines: {}\ninstead: {}",
            refusal.subject, refusal.message, refusal.effect, refusal.help
        );
        github::command(&[("title", refusal.code)], &text, session.out)?;
    }
    for line in human::lost_lines(plan) {
        github::command(&[("title", "flows are lost")], &line, session.out)?;
    }
    Ok(())
}

/// Reads a tree; `shown` is its name in messages.
pub(super) fn compared(
    files: &dyn TreeFiles,
    beside: Option<&ComparedTree>,
    shown: &Path,
) -> Result<ComparedTree, Failure> {
    ComparedTree::read(files, beside).map_err(|fault| match fault {
        TreeFault::Unreadable(TreeReadError { path, source }) => {
            TreeReadError { path, source }.into()
        }
        TreeFault::NotUnderstood { paths, findings } => {
            let first = findings.first().map(|finding| {
                format!("{}: {}", paths.show(finding.place), finding.message)
            });
            let message = format!(
                "{} cannot be compared: {}",
                shown.display(),
                first.unwrap_or_else(|| "a file is missing".to_owned())
            );
            let help = "run `meshwright prove`; a tree of another version of meshwright has to be generated again";
            Failure::usage(message, help)
        }
        TreeFault::WithoutCluster => {
            let message = format!("{} has not exactly one node that initialises the cluster", shown.display());
            Failure::usage(message, "run `meshwright prove`, which names the file")
        }
    })
}

fn unread(error: GitError) -> Failure {
    let help = match &error {
        GitError::WithoutFolder { .. } => {
            "if no machine has anything yet, use --new; otherwise name a revision or a directory with --from"
        }
        _ => {
            "name a revision or a directory with --from, or use --new if no machine has anything yet"
        }
    };
    Failure::usage(error.to_string(), help)
}
