//! Why a verb could not do its work, and how that is said.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use annotate_snippets::{Group, Level, Renderer};

use crate::{out, secrets};

/// The exit code of wrong usage and of what the system refuses.
pub(super) const USAGE: u8 = 2;

/// What went wrong.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    /// The arguments ask for what cannot be.
    #[error("{message}")]
    Usage { message: String, help: String },
    /// A file of the user.
    #[error("cannot {action} {}: {source}", path.display())]
    File { action: &'static str, path: PathBuf, source: io::Error },
    /// The output directory.
    #[error(transparent)]
    Out(#[from] out::Error),
    /// The store.
    #[error(transparent)]
    Secrets(#[from] secrets::store::Error),
    /// The topology could not be edited.
    #[error("cannot edit the topology: {0}")]
    Edit(#[from] toml_edit::TomlError),
    /// stdout or stderr.
    #[error("cannot print: {0}")]
    Stream(#[from] io::Error),
}

impl Failure {
    pub(super) fn usage(message: impl Into<String>, help: impl Into<String>) -> Self {
        Self::Usage { message: message.into(), help: help.into() }
    }

    pub(super) fn reading(path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::File { action: "read", path: path.to_owned(), source }
    }

    pub(super) fn writing(path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::File { action: "write", path: path.to_owned(), source }
    }

    /// Prints it, and returns the exit code that it means.
    pub(super) fn print(&self, color: bool, err: &mut dyn Write) -> u8 {
        let renderer = if color { Renderer::styled() } else { Renderer::plain() };
        let message = self.to_string();
        let group = Group::with_title(Level::ERROR.primary_title(&message));
        let group = match self.help() {
            Some(help) => group.element(Level::HELP.message(help)),
            None => group,
        };
        // Nobody is left to be told that stderr is gone.
        let _ = writeln!(err, "{}", renderer.render(&[group]));
        self.exit_code()
    }

    fn help(&self) -> Option<String> {
        match self {
            Self::Usage { help, .. } => Some(help.clone()),
            Self::File { action: "read", source, .. }
                if source.kind() == io::ErrorKind::NotFound =>
            {
                Some("`meshwright init` writes a first topology, `--topology` names another".into())
            }
            Self::Out(fault) => fault.help(),
            Self::File { .. } | Self::Secrets(_) | Self::Edit(_) | Self::Stream(_) => None,
        }
    }

    fn exit_code(&self) -> u8 {
        match self {
            Self::Out(fault) => fault.exit_code(),
            _ => USAGE,
        }
    }
}
