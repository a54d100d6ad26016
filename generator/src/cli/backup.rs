//! `meshwright backup`: the newest snapshot of etcd of each control plane.

use std::collections::BTreeMap;
use std::fs::DirBuilder;
use std::io::ErrorKind;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;

use super::Status;
use super::export::find_node;
use super::failure::Failure;
use super::fleet::{self, SshArguments};
use super::opened::{Opened, recipients};
use super::session::{Session, print_document};
use crate::file;
use crate::git;
use crate::secrets::seal::Recipients;
use crate::secrets::snapshot::Snapshot;
use meshwright_compiler::diagnostic::Format;
use meshwright_compiler::plan::Plan;
use meshwright_fleet::machine::FleetMachine;
use meshwright_fleet::ssh::Ssh;
use meshwright_fleet::survey;
use meshwright_value::printable_lines;

const EXAMPLES: &str = "\
Examples:
  meshwright backup --to ~/atlas-backup
  meshwright backup --now --to ~/atlas-backup       # before an upgrade
  meshwright backup --to ~/atlas-backup --format json | jq -r '.snapshots[].file'";

/// The version of the structure of [`BackupDocument`].
const SCHEMA_VERSION: u32 = 1;

/// Only the owner enters the folder.
const PRIVATE_FOLDER: u32 = 0o700;

/// The exit code of meshwright-node for wrong usage: it has no such verb.
const NODE_USAGE: i32 = 2;

/// Fetch the newest snapshot of etcd of each control plane
///
/// Each control plane takes a snapshot every six hours and verifies it. This command calls all of them at
/// the same time with your own ssh, and writes the newest one of each to a folder, as
/// `<cluster>-<node>-<time>.db.age`, encrypted for the recipients of the store. Without recipients, the files are
/// not encrypted: `.db` with mode 0600. A snapshot contains every Secret of the cluster, and no volumes. A folder
/// that git would commit is refused. Exit code 1: a control plane gave no snapshot.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Backup {
    /// The control planes [default: all]
    nodes: Vec<String>,
    /// The folder for the snapshots, which git must not commit; created with mode 0700
    #[arg(long, value_name = "DIR")]
    to: PathBuf,
    /// Take a new snapshot on each of them first
    #[arg(long)]
    now: bool,
    #[command(flatten)]
    ssh: SshArguments,
}

/// The document of `backup --format json`.
#[derive(Debug, Serialize)]
struct BackupDocument<'run> {
    schema_version: u32,
    cluster: &'run str,
    /// Whether the files are encrypted.
    encrypted: bool,
    snapshots: Vec<SavedSnapshot>,
    /// The control planes without a snapshot, and why.
    failed: BTreeMap<String, String>,
}

/// A snapshot in the folder.
#[derive(Debug, Serialize)]
struct SavedSnapshot {
    machine: String,
    file: PathBuf,
    /// When it was taken, in UTC.
    time: String,
    /// Its size before encryption.
    bytes: usize,
    /// Whether an earlier run has saved it.
    was_there: bool,
}

impl Backup {
    pub(super) fn run(&self, session: &mut Session<'_>) -> Result<Status, Failure> {
        let Some(opened) = Opened::open(session)? else { return Ok(Status::Findings) };
        let machines = self.control_planes(&opened.plan)?;
        self.prepare_folder()?;
        let recipients = recipients(&opened.topology);
        if recipients.is_none() {
            session.print(
                "warning: [secrets] has no recipients, so the snapshots are not encrypted (mode 0600)",
            )?;
        }
        let ssh = self.ssh.ssh();
        let fetched = survey::for_each(&machines, |machine| fetch(&ssh, machine, self.now));
        let cluster = opened.plan.name.as_str();
        let mut document = BackupDocument {
            schema_version: SCHEMA_VERSION,
            cluster,
            encrypted: recipients.is_some(),
            snapshots: Vec::new(),
            failed: BTreeMap::new(),
        };
        for (machine, fetched) in machines.iter().zip(fetched) {
            let name = &machine.name;
            match fetched {
                Ok(snapshot) => {
                    let saved = self.save(cluster, name, &snapshot, recipients.as_ref())?;
                    document.snapshots.push(saved);
                }
                Err(reason) => drop(document.failed.insert(name.clone(), reason)),
            }
        }
        print(&document, session)?;
        Ok(Status::findings(!document.failed.is_empty()))
    }

    fn control_planes(&self, plan: &Plan) -> Result<Vec<FleetMachine>, Failure> {
        for name in &self.nodes {
            if !find_node(name, plan)?.is_control_plane() {
                let help = "name control planes: the other nodes have no etcd";
                return Err(Failure::usage(format!("{name} is not a control plane"), help));
            }
        }
        let is_named =
            |name: &str| self.nodes.is_empty() || self.nodes.iter().any(|one| one == name);
        let control_planes = plan.nodes.iter().filter(|node| node.is_control_plane());
        let named = control_planes.filter(|node| is_named(node.name.as_str()));
        Ok(named.map(|node| fleet::machine(plan, node)).collect())
    }

    /// A snapshot in a commit is published with it.
    fn prepare_folder(&self) -> Result<(), Failure> {
        let to = &self.to;
        let is_tracked = git::would_commit(to).map_err(|error| {
            Failure::usage(
                format!("it is not known whether git ignores {}: {error}", to.display()),
                "name a folder outside the repository with --to",
            )
        })?;
        if is_tracked {
            return Err(Failure::usage(
                format!("git would commit the snapshots in {}", to.display()),
                "name a folder outside the repository with --to, or add it to .gitignore",
            ));
        }
        let mut builder = DirBuilder::new();
        builder.recursive(true).mode(PRIVATE_FOLDER).create(to).map_err(Failure::writing(to))
    }

    fn save(
        &self,
        cluster: &str,
        node: &str,
        snapshot: &Snapshot,
        recipients: Option<&Recipients>,
    ) -> Result<SavedSnapshot, Failure> {
        let suffix = if recipients.is_some() { ".age" } else { "" };
        let file = self.to.join(format!("{cluster}-{node}-{}.db{suffix}", snapshot.time));
        let was_there = write_once(&file, snapshot, recipients)?;
        Ok(SavedSnapshot {
            machine: node.to_owned(),
            file,
            time: snapshot.time.clone(),
            bytes: snapshot.size(),
            was_there,
        })
    }
}

/// Writes a file unless it exists: a snapshot does not change after it has its name. Returns whether it existed.
fn write_once(
    path: &Path,
    snapshot: &Snapshot,
    recipients: Option<&Recipients>,
) -> Result<bool, Failure> {
    if path.exists() {
        return Ok(true);
    }
    let content = snapshot.file(recipients).map_err(|reason| {
        Failure::usage(
            format!("cannot encrypt {}: {reason}", path.display()),
            "check `recipients` in [secrets]",
        )
    })?;
    match file::create_private(path, &content) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(true),
        written => written.map(|()| false).map_err(Failure::writing(path)),
    }
}

/// Asks one control plane for its newest snapshot.
fn fetch(ssh: &Ssh, machine: &FleetMachine, now: bool) -> Result<Snapshot, String> {
    let call = |words: &str| {
        let command = machine.as_root(words);
        let done = ssh.run_for_bytes(machine, &command, b"").map_err(|error| error.to_string())?;
        match done.code {
            0 => Ok(done.output),
            NODE_USAGE => {
                let command = machine.delivery_command(false);
                Err(format!("its meshwright-node has no `backup`: deliver to it: {command}"))
            }
            _ => Err(done.last_error().trim_start_matches("meshwright: ").to_owned()),
        }
    };
    if now {
        call("meshwright-node backup")?;
    }
    let printed = call("meshwright-node backup --send")?;
    Snapshot::parse(&printed).map_err(|error| error.to_string())
}

fn print(document: &BackupDocument<'_>, session: &mut Session<'_>) -> Result<(), Failure> {
    if session.global.format == Format::Json {
        return Ok(print_document(session.out, document)?);
    }
    for SavedSnapshot { machine, file, bytes, was_there, .. } in &document.snapshots {
        let note = if *was_there { ", was there already" } else { "" };
        let line = format!("{machine}: {} ({bytes} bytes{note})\n", file.display());
        write!(session.out, "{}", printable_lines(&line))?;
    }
    for (machine, reason) in &document.failed {
        write!(session.out, "{}", printable_lines(&format!("{machine}: no snapshot: {reason}\n")))?;
    }
    Ok(())
}
