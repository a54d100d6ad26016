//! `meshwright completions`: prints completion scripts of shells.

use clap::{Args, CommandFactory as _};
use clap_complete::Shell;

use super::failure::Failure;
use super::session::Session;
use super::{CommandLine, NAME, Status};

const EXAMPLES: &str = "\
Examples:
  meshwright completions bash > ~/.local/share/bash-completion/completions/meshwright
  meshwright completions zsh > ~/.zfunc/_meshwright    # any directory in your fpath
  meshwright completions fish > ~/.config/fish/completions/meshwright.fish";

/// Print a shell completion script
///
/// A package installs the script in the system-wide directory of the shell, such as
/// /usr/share/bash-completion/completions/meshwright.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Completions {
    /// The shell
    shell: Shell,
}

impl Completions {
    pub(super) fn run(&self, session: &mut Session<'_>) -> Result<Status, Failure> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut CommandLine::command(), NAME, &mut script);
        session.out.write_all(&script)?;
        Ok(Status::Clean)
    }
}
