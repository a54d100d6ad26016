//! `meshwright completions`: what a shell needs to complete the command line.

use clap::{Args, CommandFactory as _};
use clap_complete::Shell;

use super::failure::Failure;
use super::session::Session;
use super::{CommandLine, NAME, Status};

const EXAMPLES: &str = "\
Examples:
  meshwright completions bash > ~/.local/share/bash-completion/completions/meshwright
  meshwright completions zsh > ~/.zfunc/_meshwright    # a folder of your fpath
  meshwright completions fish > ~/.config/fish/completions/meshwright.fish";

/// Print the completions of the command line for a shell
///
/// Packagers put them where the shell looks for those of all users, such as
/// /usr/share/bash-completion/completions/meshwright.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Completions {
    /// The shell that reads them
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
