//! `meshwright man`: writes the manual pages.

use std::path::PathBuf;
use std::{fs, io, iter};

use clap::{Args, Command, CommandFactory as _};
use clap_mangen::roff::{Roff, roman};

use super::failure::Failure;
use super::session::{Session, count};
use super::{CommandLine, NAME, Status};

const EXAMPLES: &str = "\
Examples:
  meshwright man | man -l -                    # show meshwright.1
  meshwright man /usr/local/share/man/man1     # install all pages";

/// Write the manual pages
///
/// Writes meshwright.1 and one page per command, such as meshwright-generate.1, into a directory, and
/// replaces existing pages. Without a directory, prints meshwright.1.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Man {
    /// The directory; created if missing
    dir: Option<PathBuf>,
}

impl Man {
    pub(super) fn run(&self, session: &mut Session<'_>) -> Result<Status, Failure> {
        let mut command = CommandLine::command().disable_help_subcommand(true);
        command.build();
        let Some(dir) = &self.dir else {
            session.out.write_all(&page(&command)?)?;
            return Ok(Status::Clean);
        };
        fs::create_dir_all(dir).map_err(Failure::writing(dir))?;
        let pages: Vec<_> = iter::once(&command).chain(command.get_subcommands()).collect();
        for command in &pages {
            let name = command.get_display_name().unwrap_or(NAME);
            let path = dir.join(format!("{name}.1"));
            fs::write(&path, page(command)?).map_err(Failure::writing(&path))?;
        }
        let written = count(pages.len(), "page");
        session.info(format_args!("{}: {written} written", dir.display()))?;
        Ok(Status::Clean)
    }
}

/// One page. The text after the help of a verb becomes a section without filling: clap_mangen would
/// join the lines of the examples.
fn page(command: &Command) -> io::Result<Vec<u8>> {
    let below = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    let man = clap_mangen::Man::new(command.clone().after_help(None::<&str>));
    let mut page = Vec::new();
    man.render(&mut page)?;
    if let Some((heading, lines)) = below.split_once(":\n") {
        let mut section = Roff::new();
        section.control("SH", [&*heading.to_uppercase()]).control("nf", []);
        for line in lines.lines() {
            section.text([roman(line)]);
        }
        section.control("fi", []).to_writer(&mut page)?;
    }
    Ok(page)
}
