//! The errors of verbs, and how they are printed.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::session::print_document;
use crate::secrets;
use meshwright_compiler::diagnostic::{Format, Report, github, human, json};
use meshwright_compiler::pipeline::RuleGap;
use meshwright_value::{hide_by_form, printable_lines};

/// The exit code of wrong usage and of I/O errors.
pub(super) const USAGE: u8 = 2;

/// The error with which a verb ends.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    /// The arguments are not valid.
    #[error("{message}")]
    Usage { message: String, help: String },
    /// The topology cannot be opened or read.
    #[error("cannot read {}: {source}", path.display())]
    Topology { path: PathBuf, source: io::Error },
    /// Another file of the user cannot be read or written.
    #[error("cannot {action} {}: {source}", path.display())]
    File { action: &'static str, path: PathBuf, source: io::Error },
    /// The topology is not UTF-8, or too large. The report contains the place.
    #[error("{} cannot be read", report.source.name)]
    Unreadable { report: Box<Report> },
    /// An error of the output directory.
    #[error(transparent)]
    Out(#[from] meshwright_compiler::out::OutError),
    /// A manifest beside the topology cannot be carried.
    #[error(transparent)]
    Overlays(#[from] crate::overlays::OverlayError),
    /// The tree to prove cannot be read.
    #[error(transparent)]
    Tree(#[from] meshwright_proof::files::TreeReadError),
    /// Nothing was proven, because of another error.
    #[error(transparent)]
    Unproven(Box<Failure>),
    /// An error of the store.
    #[error(transparent)]
    Secrets(#[from] secrets::store::StoreError),
    /// An identity cannot be used.
    #[error(transparent)]
    Identity(#[from] secrets::seal::IdentityError),
    /// A rule of this program has a gap.
    #[error(transparent)]
    Rules(#[from] RuleGap),
    /// stdout or stderr cannot be written.
    #[error("cannot print: {0}")]
    Stream(#[from] io::Error),
}

impl Failure {
    pub(super) fn usage(message: impl Into<String>, help: impl Into<String>) -> Self {
        Self::Usage { message: message.into(), help: help.into() }
    }

    pub(super) fn reading_topology(path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Topology { path: path.to_owned(), source }
    }

    pub(super) fn reading(path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::File { action: "read", path: path.to_owned(), source }
    }

    pub(super) fn writing(path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::File { action: "write", path: path.to_owned(), source }
    }

    /// The message. It may quote an argument or a path.
    fn message(&self) -> String {
        shown(&self.to_string())
    }

    /// Prints it as text.
    pub(super) fn print(&self, color: bool, err: &mut dyn Write) -> io::Result<()> {
        human::print_failure(&self.message(), self.help().as_deref(), color, err)
    }

    /// Prints it on stdout in a machine-readable format. Without it, the reader would get an empty
    /// document.
    pub(super) fn print_data(&self, format: Format, out: &mut dyn Write) -> io::Result<()> {
        match format {
            Format::Human => Ok(()),
            Format::Json => self.print_json(out),
            Format::Github => {
                let help = self.help().map(|help| format!("\nhelp: {help}")).unwrap_or_default();
                let text = format!("{}{help}", self.message());
                github::command(&[("title", "meshwright")], &text, out)
            }
        }
    }

    fn print_json(&self, out: &mut dyn Write) -> io::Result<()> {
        let error = FailureError { message: self.message(), help: self.help() };
        let holds = matches!(self, Self::Unproven(_)).then_some(false);
        let document = FailureDocument { report: json::nothing(), holds, error };
        print_document(out, &document)
    }

    fn help(&self) -> Option<String> {
        self.remedy().as_deref().map(shown)
    }

    fn remedy(&self) -> Option<String> {
        match self {
            Self::Usage { help, .. } => Some(help.clone()),
            Self::Topology { source, .. } if source.kind() == io::ErrorKind::NotFound => Some(
                "run `meshwright init` to write a first topology, or name another file with \
                 --topology"
                    .into(),
            ),
            Self::Out(fault) => fault.help(),
            Self::Overlays(fault) => fault.help().map(str::to_owned),
            Self::Unproven(failure) => failure.remedy(),
            Self::Secrets(fault) => fault.help().map(str::to_owned),
            Self::Rules(_) => {
                Some("this is a bug in meshwright: report it with the topology".into())
            }
            Self::Topology { .. }
            | Self::File { .. }
            | Self::Unreadable { .. }
            | Self::Identity(_)
            | Self::Tree(_)
            | Self::Stream(_) => None,
        }
    }

    /// The exit code of the program.
    pub(super) fn exit_code(&self) -> u8 {
        match self {
            Self::Unreadable { .. } => 1,
            Self::Out(fault) => fault.exit_code(),
            Self::Unproven(failure) => failure.exit_code(),
            _ => USAGE,
        }
    }
}

/// A text that may quote arguments and paths, without what looks like a secret and without characters
/// that a terminal interprets.
pub(super) fn shown(text: &str) -> String {
    printable_lines(&hide_by_form(text))
}

#[derive(Serialize)]
struct FailureDocument<R> {
    #[serde(flatten)]
    report: R,
    /// Of `prove`: always false, since nothing was proven.
    #[serde(skip_serializing_if = "Option::is_none")]
    holds: Option<bool>,
    error: FailureError,
}

#[derive(Serialize)]
struct FailureError {
    message: String,
    help: Option<String>,
}
