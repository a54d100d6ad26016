//! `meshwright report`: one HTML page about the output directory.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use clap::Args;

use super::failure::Failure;
use super::session::Session;
use super::{Status, plan};
use crate::file;
use meshwright_change::plan::ChangePlan;
use meshwright_compiler::out;
use meshwright_proof::files::OutputDirectory;
use meshwright_proof::judge::Proof;

const EXAMPLES: &str = "\
Examples:
  meshwright report --to report.html      # then open it in a browser
  meshwright report --from HEAD --to report.html    # with the change since the last commit
  meshwright report --to report.html && xdg-open 'report.html#pair=tokyo/paris'";

/// The element of the page by which a page of this command is recognised.
const GENERATOR: &str = "<meta name=\"generator\" content=\"meshwright\">";

/// Write one HTML page about the generated files: map, pairs, packets, public sides
///
/// Proves the output directory as `prove` does, and shows the result as a page that needs no network
/// and no other file: the map of the mesh, the matrix of all pairs with the walk of a packet for each,
/// what each public side accepts, the public names, what is lost if one machine fails, and the
/// assumptions. It contains addresses and names, and no secret. The exit code is that of `prove`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Report {
    /// Write this file instead of printing; an existing file is replaced only if it is such a page
    #[arg(long, value_name = "FILE")]
    to: Option<PathBuf>,
    /// Add the change from what the machines have, a revision of git or a directory, as `plan` has it
    #[arg(long, value_name = "REV|DIR")]
    from: Option<String>,
}

impl Report {
    pub(super) fn run(&self, session: &mut Session<'_>) -> Result<Status, Failure> {
        let proof = session.prove()?;
        let plan = self.from.as_deref().map(|from| change(from, &proof, session)).transpose()?;
        let change = self.from.as_deref().zip(plan.as_ref());
        let page = meshwright_report::html(&proof, change);
        match &self.to {
            None => session.out.write_all(page.as_bytes())?,
            Some(path) => {
                write_page(path, &page)?;
                session.info(format_args!("{}: written", path.display()))?;
            }
        }
        Ok(Status::findings(!proof.holds()))
    }
}

/// The plan of the change from another tree.
fn change(from: &str, proof: &Proof, session: &Session<'_>) -> Result<ChangePlan, Failure> {
    let dir = session.out_dir();
    if !proof.holds() {
        return Err(plan::unproven(&dir));
    }
    let new = out::read(&dir, || plan::compared(&OutputDirectory(&dir), None, &dir))??;
    plan::change(&plan::read_old(from, &dir, &new)?, &new)
}

fn write_page(path: &Path, page: &str) -> Result<(), Failure> {
    match file::create(path, 0o666, page.as_bytes()) {
        Err(fault) if fault.kind() == ErrorKind::AlreadyExists => {
            let existing = fs::read_to_string(path).map_err(Failure::reading(path))?;
            if !existing.contains(GENERATOR) {
                let message =
                    format!("{} exists, and is not a page of this command", path.display());
                return Err(Failure::usage(message, "name another file with --to"));
            }
            file::replace(path, page.as_bytes()).map_err(Failure::writing(path))
        }
        written => written.map_err(Failure::writing(path)),
    }
}
