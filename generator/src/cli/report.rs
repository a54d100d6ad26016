//! `meshwright report`: one HTML page about the output directory.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use clap::Args;

use super::Status;
use super::failure::Failure;
use super::session::Session;
use crate::file;

const EXAMPLES: &str = "\
Examples:
  meshwright report --to report.html      # then open it in a browser
  meshwright report > report.html
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
}

impl Report {
    pub(super) fn run(&self, session: &mut Session<'_>) -> Result<Status, Failure> {
        let proof = session.prove()?;
        let page = meshwright_report::html(&proof);
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
