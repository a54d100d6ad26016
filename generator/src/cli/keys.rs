//! `meshwright keys`: generates missing keys.

use std::io;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};

use super::Status;
use super::failure::Failure;
use super::opened::{self, advice, report_faults};
use super::session::{Session, count, count_members};
use crate::edit::insertion;
use crate::secrets::authority::Authority;
use crate::secrets::cluster_key::{BgpPassword, ServiceAccountKey};
use crate::secrets::fault::{TUNNEL_CREDENTIAL_MALFORMED, TUNNEL_CREDENTIAL_MISMATCH};
use crate::secrets::item::Item as _;
use crate::secrets::key_pair::{self, KeyPair, KeyPairState};
use crate::secrets::preshared;
use crate::secrets::requirements::{
    self, OTHER_TUNNEL, REQUIRED, Requirements, StoreState, is_missing, tunnel_fault,
};
use crate::secrets::secret::Secret;
use crate::secrets::store::{self, Store, StoreError};
use crate::secrets::tunnel::{self, TunnelCredential};
use meshwright_compiler::diagnostic::Severity;
use meshwright_compiler::document::Document;
use meshwright_compiler::pipeline::{self, Compilation};
use meshwright_compiler::plan::Plan;
use meshwright_compiler::route::Route;
use meshwright_compiler::source::Source;
use meshwright_compiler::topology::Topology;
use meshwright_compiler::topology::member::MemberKind;
use meshwright_value::PublicKey;

/// The code of the rule for which this verb generates the keys.
pub(super) const PUBLIC_KEY_MISSING: &str = "public-key-missing";

const EXAMPLES: &str = "\
Examples:
  meshwright keys
  meshwright keys --check                      # in CI: fails when a key is missing
  meshwright keys --secrets /mnt/usb/secrets   # store private keys in another directory
  meshwright keys import tunnel ~/.cloudflared/6ff42ae2-765d-4adf-8112-31c55c1551ef.json";

/// Generate missing keys
///
/// Generates a WireGuard key pair for each node and client that has none. The private key is written
/// to the store with mode 0600 and ignored by git; the public key is written to topology.toml, where
/// comments and order are kept. Also generates the certificate authorities of the cluster, the key of
/// its service accounts, the BGP password and, with `preshared_keys = true`, a key for each pair of
/// peers. Existing keys are verified and never replaced. A public key whose private key is not in the
/// store is kept: its owner has the private key. With `[secrets] recipients`, every file of the store
/// is encrypted with age.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES, args_conflicts_with_subcommands = true)]
pub(super) struct Keys {
    /// Write nothing; exit with code 1 if a key is missing
    #[arg(long, conflicts_with = "recrypt")]
    check: bool,
    /// Encrypt every file again for the recipients in the topology; without recipients, decrypt
    #[arg(long)]
    recrypt: bool,
    /// Generate the secrets of the cluster even if no node's private key is in the store
    #[arg(long)]
    new_cluster: bool,
    #[command(subcommand)]
    verb: Option<KeysVerb>,
}

#[derive(Debug, Subcommand)]
enum KeysVerb {
    /// Import a secret that another program has generated
    #[command(subcommand)]
    Import(Import),
}

#[derive(Debug, Subcommand)]
enum Import {
    /// Import the credential of the Cloudflare Tunnel
    ///
    /// Reads the credentials.json that `cloudflared tunnel create` writes, or the token from the
    /// Cloudflare dashboard. The cluster receives the form that its tunnel mode requires.
    Tunnel {
        /// The file, or `-` for standard input
        file: PathBuf,
    },
}

impl Keys {
    pub(super) fn run(&self, session: &mut Session<'_>) -> Result<Status, Failure> {
        let compilation = pipeline::compile(session.source()?)?;
        let Compilation { document, mut report, topology, plan } = compilation;
        report.diagnostics.retain(|found| found.code != PUBLIC_KEY_MISSING);
        let (Some(topology), 0) = (topology, report.count(Severity::Error)) else {
            session.report(&report)?;
            return Ok(Status::Findings);
        };
        let store = match opened::store(&topology, session)? {
            Ok(store) => store,
            Err(faults) => {
                return report_faults(&document, faults, session).map(|()| Status::Findings);
            }
        };
        let context = KeysContext { document: &document, topology: &topology, store: &store };
        match &self.verb {
            Some(KeysVerb::Import(Import::Tunnel { file })) => context.import_tunnel(file, session),
            None if self.recrypt => context.recrypt(session),
            None => context.check_or_generate(self, plan.as_deref(), session),
        }
    }
}

/// The input of every part of the verb.
#[derive(Clone, Copy)]
struct KeysContext<'a> {
    document: &'a Document,
    topology: &'a Topology,
    store: &'a Store,
}

impl KeysContext<'_> {
    /// Generates the missing keys, or lists them.
    fn check_or_generate(
        self,
        keys: &Keys,
        plan: Option<&Plan>,
        session: &mut Session<'_>,
    ) -> Result<Status, Failure> {
        let Self { document, topology, store } = self;
        let state = Requirements::all(topology, plan).look_up(topology, store)?;
        let outdated =
            store.outdated()?.map(|outdated| requirements::outdated_fault(outdated, store));
        let faults: Vec<_> = outdated.into_iter().chain(state.faults(store)).collect();
        if !faults.is_empty() {
            report_faults(document, faults, session)?;
            return Ok(Status::Findings);
        }
        print_elsewhere(topology, &state, store, session)?;
        if keys.check {
            return print_missing(&state, session);
        }
        if state.is_of_another_store() && !keys.new_cluster {
            return refuse_second_cluster(session);
        }
        self.generate(&state, session)
    }

    fn recrypt(self, session: &mut Session<'_>) -> Result<Status, Failure> {
        let files = count(self.store.recrypt()?, "file");
        let root = self.store.folder("");
        let folder = root.display();
        match self.topology.secrets.recipients.len() {
            0 if self.store.is_ignored_by_git() => {
                session.info(format_args!("{folder}: {files} decrypted; git ignores them"))?;
            }
            0 => session.print(format_args!(
                "warning: {folder}: {files} decrypted; {folder}/.gitignore was edited: make sure \
                 that git ignores them"
            ))?,
            number => {
                let recipients = count(number, "recipient");
                session.info(format_args!("{folder}: {files} encrypted for {recipients}"))?;
            }
        }
        Ok(Status::Clean)
    }

    fn import_tunnel(self, file: &Path, session: &mut Session<'_>) -> Result<Status, Failure> {
        let Some(tunnel) = &self.topology.cloudflare_tunnel else {
            let message = format!("{} has no [cloudflare_tunnel]", self.document.source().name);
            return Err(Failure::usage(message, "add this table with `id` and `hostnames`"));
        };
        let name = match file == Path::new("-") {
            true => "standard input".to_owned(),
            false => file.display().to_string(),
        };
        let Some(credential) = TunnelCredential::parse(&read(file)?) else {
            let message = format!("{name} does not contain a tunnel credential");
            let help = "use the credentials.json of `cloudflared tunnel create`, or a token";
            let fault = tunnel_fault(TUNNEL_CREDENTIAL_MALFORMED, message, REQUIRED, help);
            return report_faults(self.document, vec![fault], session).map(|()| Status::Findings);
        };
        if credential.id != tunnel.id {
            let message = format!("{name} is the credential of the tunnel {}", credential.id);
            let help = "import the credential of this tunnel, or correct the id";
            let fault = tunnel_fault(TUNNEL_CREDENTIAL_MISMATCH, message, OTHER_TUNNEL, help);
            return report_faults(self.document, vec![fault], session).map(|()| Status::Findings);
        }
        self.store_credential(&credential, session)
    }

    /// Stores the credential. An existing one is compared and never replaced.
    fn store_credential(
        self,
        credential: &TunnelCredential,
        session: &mut Session<'_>,
    ) -> Result<Status, Failure> {
        let existing = tunnel::path(self.store);
        match TunnelCredential::find(self.store)? {
            Some(stored) if stored.equals(credential) => {
                let path = existing.display();
                session.info(format_args!("{path} contains this credential already"))?;
            }
            Some(_) => {
                let message = format!("{} contains another credential", existing.display());
                return Err(Failure::usage(message, "if it is outdated, move the file away"));
            }
            None => {
                credential.store(self.store)?;
                let (file, id) = (tunnel::path(self.store), &credential.id);
                let path = file.display();
                session.info(format_args!("{path}: credential of the tunnel {id} imported"))?;
            }
        }
        Ok(Status::Clean)
    }

    fn generate(
        self,
        state: &StoreState<'_>,
        session: &mut Session<'_>,
    ) -> Result<Status, Failure> {
        let Self { document, topology, store } = self;
        let edited = self.generate_key_pairs(state, session)?;
        let has_generated = match &edited {
            None => self.generate_others(state, session)?,
            Some(text) => {
                // Only a topology with all public keys has a plan, with its pairs of peers.
                let name = document.source().name.clone();
                let plan = pipeline::compile(Source { name, text: text.clone() })?.plan;
                let required = Requirements::all(topology, plan.as_deref());
                self.generate_others(&required.look_up(topology, store)?, session)?
            }
        };
        if state.lacks_tunnel() {
            session.info(
                "the credential of the tunnel is missing: run `meshwright keys import tunnel FILE`",
            )?;
        }
        if edited.is_none() && !has_generated {
            return print_complete(state, session);
        }
        session.info("next: `meshwright generate`")?;
        Ok(Status::Clean)
    }

    /// Generates the missing key pairs; returns the text of the topology if that was changed.
    ///
    /// Private keys are written first: if the run is interrupted, the next run derives the missing
    /// public key. A public key without its private key would lock the member out.
    fn generate_key_pairs(
        self,
        state: &StoreState<'_>,
        session: &mut Session<'_>,
    ) -> Result<Option<String>, Failure> {
        let (source, store) = (self.document.source(), self.store);
        let mut published: Vec<(&Route, PublicKey)> = Vec::new();
        let mut lines = Vec::new();
        for (key_state, key_pair) in &state.key_pairs {
            let member = key_pair.member;
            let (key, verb) = match key_state {
                KeyPairState::Missing => (key_pair.generate(store)?, "generated in"),
                KeyPairState::Unpublished(key) => (*key, "derived from"),
                KeyPairState::Sealed if member.public_key.is_none() => {
                    return Err(Failure::Secrets(StoreError::NoIdentity {
                        path: key_pair.path(store),
                    }));
                }
                _ => continue,
            };
            lines.push(format!("{member}: {key}, {verb} {}", key_pair.path(store).display()));
            published.push((member.origin, key));
        }
        if published.is_empty() {
            return Ok(None);
        }
        let text = insertion::insert_public_keys(self.document, &published);
        session.replace_topology(source, &text)?;
        let written = count(published.len(), "public key");
        session.info(format_args!("{}: {written} written", source.name))?;
        session.info_list(&lines)?;
        Ok(Some(text))
    }

    /// Generates the other missing secrets; returns whether there were any.
    fn generate_others(
        self,
        state: &StoreState<'_>,
        session: &mut Session<'_>,
    ) -> Result<bool, Failure> {
        let store = self.store;
        let authorities: Vec<_> = state.missing_authorities().collect();
        for authority in &authorities {
            self.generate_authority(*authority, state, session)?;
        }
        let needs_key = state.service_account_key.is_some_and(is_missing);
        if needs_key {
            ServiceAccountKey.write_new(store)?;
            let file = ServiceAccountKey.path(store);
            let path = file.display();
            session.info(format_args!("{path}: key of the service accounts generated"))?;
        }
        let needs_password = state.bgp_password.is_some_and(is_missing);
        if needs_password {
            BgpPassword.write_new(store)?;
            let file = BgpPassword.path(store);
            session.info(format_args!("{}: BGP password generated", file.display()))?;
        }
        let pairs: Vec<_> = state.missing_preshared_keys().collect();
        pairs.iter().try_for_each(|pair| pair.write_new(store))?;
        if !pairs.is_empty() {
            let (folder, keys) =
                (store.folder(preshared::FOLDER), count(pairs.len(), "preshared key"));
            session.info(format_args!("{}: {keys} generated", folder.display()))?;
        }
        Ok(!authorities.is_empty() || needs_key || needs_password || !pairs.is_empty())
    }

    fn generate_authority(
        self,
        authority: Authority,
        state: &StoreState<'_>,
        session: &mut Session<'_>,
    ) -> Result<(), Failure> {
        authority.generate(self.store, state.now)?;
        let file = authority.certificate_path(self.store);
        let path = file.display();
        let hash = match authority {
            Authority::Cluster => authority.public_key_hash(self.store)?,
            Authority::FrontProxy | Authority::Etcd => None,
        };
        match hash {
            Some(hash) => session.info(format_args!(
                "{path}: certificate authority {authority} generated; its public key has the hash \
                 {hash}"
            ))?,
            None => {
                session
                    .info(format_args!("{path}: certificate authority {authority} generated"))?;
            }
        }
        Ok(())
    }
}

/// Reads a file into a secret; `-` is standard input.
fn read(file: &Path) -> Result<Secret, Failure> {
    let path = if file == Path::new("-") { Path::new("/dev/stdin") } else { file };
    store::read_small(path).map(Secret::from).map_err(Failure::reading(file))
}

fn print_elsewhere(
    topology: &Topology,
    state: &StoreState<'_>,
    store: &Store,
    session: &mut Session<'_>,
) -> Result<(), Failure> {
    if state.elsewhere().next().is_none() {
        return Ok(());
    }
    let stored = key_pair::stored_key_pairs(&topology.wireguard.interface, store)?;
    for key_pair in state.elsewhere() {
        let member = key_pair.member;
        match member.public_key.and_then(|key| stored.get(&key)) {
            Some(found) => print_renamed(key_pair, found, store, session)?,
            None => session.info(format_args!(
                "{member}: its private key is not in the store; its public key is kept"
            ))?,
        }
    }
    Ok(())
}

/// The certificate authorities of a running cluster are in the store of the user who initialised it.
/// Hosts that receive new authorities would not trust the other hosts.
fn refuse_second_cluster(session: &mut Session<'_>) -> Result<Status, Failure> {
    session.print(
        "the secrets of the cluster are missing, and no node's private key is in the store:",
    )?;
    session.print("  if the cluster has another store, name it with --secrets")?;
    session.print("  if it has no store yet, run `meshwright keys --new-cluster`")?;
    Ok(Status::Findings)
}

fn print_renamed(
    key_pair: &KeyPair<'_>,
    found: &Path,
    store: &Store,
    session: &mut Session<'_>,
) -> io::Result<()> {
    let file = key_pair.path(store);
    let folder = file.parent().unwrap_or(&file).display();
    let (member, old, new) = (key_pair.member, found.display(), file.display());
    session
        .print(format_args!("{member}: its private key is in the store under an old name; run"))?;
    session.print(format_args!("  mkdir -p {folder} && mv {old} {new}"))
}

fn print_missing(state: &StoreState<'_>, session: &mut Session<'_>) -> Result<Status, Failure> {
    let missing = state.missing();
    if missing.is_empty() {
        return print_complete(state, session);
    }
    session.print("keys are missing:")?;
    session.print_list(&missing)?;
    session.print(advice(&missing))?;
    Ok(Status::Findings)
}

fn print_complete(state: &StoreState<'_>, session: &mut Session<'_>) -> Result<Status, Failure> {
    let count_kind =
        |kind| state.key_pairs.iter().filter(|(_, pair)| pair.member.kind == kind).count();
    let members = count_members(count_kind(MemberKind::Node), count_kind(MemberKind::Client));
    let preshared_keys = match state.preshared_keys.len() {
        0 => String::new(),
        number => format!(", {}", count(number, "preshared key")),
    };
    session.info(format_args!("keys are complete: {members}{preshared_keys}"))?;
    Ok(Status::Clean)
}
