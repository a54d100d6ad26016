//! `meshwright recrypt`: encrypts the store for the recipients in the topology.

use clap::Args;

use super::Status;
use super::failure::Failure;
use super::keys::remove_leftovers;
use super::opened::{self, KeylessTopology};
use super::session::{Session, count};
use crate::secrets::exposure;
use crate::secrets::store::Store;

/// The end of a run that has written.
const DELIVERIES: &str = "nothing has to be delivered: the secrets are the same";

const EXAMPLES: &str = "\
Examples:
  meshwright recrypt --identity ~/.config/meshwright/identity
  meshwright recrypt --dry-run                 # read every file, and write none";

/// Encrypt the store for the recipients in the topology
///
/// Encrypts every file of the store again, for `recipients` of `[secrets]`; without recipients, decrypts
/// them. Encrypted files need an identity that opens them. No file changes before all have been read. A
/// former recipient may have read every secret that existed: docs/secrets.md explains how to replace them.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Recrypt {
    /// Read every file and write none
    #[arg(long)]
    dry_run: bool,
}

impl Recrypt {
    pub(super) fn run(&self, session: &mut Session<'_>) -> Result<Status, Failure> {
        let compilation = session.compile()?;
        let Some(accepted) = KeylessTopology::accept(compilation, session)? else {
            return Ok(Status::Findings);
        };
        let KeylessTopology { document, topology, .. } = accepted;
        let Some(store) = opened::store(&topology, &document, session)? else {
            return Ok(Status::Findings);
        };
        let recipients = topology.secrets.recipients.len();
        if self.dry_run {
            print_preview(store.read_all()?, recipients, &store, session)?;
            return Ok(Status::Clean);
        }
        remove_leftovers(&store, session)?;
        print_written(store.recrypt()?, recipients, &store, session)?;
        let found = opened::not_accepted(exposure::warnings(&store)?, &topology);
        if !found.is_empty() {
            session.report(&document.report(found, 0))?;
        }
        Ok(Status::Clean)
    }
}

fn print_preview(
    files: usize,
    recipients: usize,
    store: &Store,
    session: &mut Session<'_>,
) -> Result<(), Failure> {
    let root = store.folder("");
    let (folder, files) = (root.display(), count(files, "file"));
    session.info(match recipients {
        0 => format!("{folder}: {files} would be decrypted; nothing was written"),
        number => {
            let recipients = count(number, "recipient");
            format!("{folder}: {files} would be encrypted for {recipients}; nothing was written")
        }
    })?;
    Ok(())
}

fn print_written(
    files: usize,
    recipients: usize,
    store: &Store,
    session: &mut Session<'_>,
) -> Result<(), Failure> {
    let root = store.folder("");
    let (folder, files) = (root.display(), count(files, "file"));
    match recipients {
        0 if store.is_ignored_by_git() => {
            session.info(format_args!("{folder}: {files} decrypted; git ignores them"))?;
        }
        0 => session.print(format_args!(
            "warning: {folder}: {files} decrypted; {folder}/.gitignore was edited: make sure that git \
             ignores them"
        ))?,
        number => {
            let recipients = count(number, "recipient");
            session.info(format_args!("{folder}: {files} encrypted for {recipients}"))?;
        }
    }
    session.info(DELIVERIES)?;
    Ok(())
}
