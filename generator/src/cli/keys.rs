//! `meshwright keys`: generates missing keys.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{Args, Subcommand};

use super::Status;
use super::failure::Failure;
use super::opened::{self, KeylessTopology, advice, report_faults};
use super::session::{Session, count, count_members};
use crate::edit::correction;
use crate::file;
use crate::secrets::cluster_key::{BgpPassword, EncryptionKeys, ServiceAccountKey};
use crate::secrets::exposure;
use crate::secrets::fault::{TUNNEL_CREDENTIAL_MALFORMED, TUNNEL_CREDENTIAL_MISMATCH};
use crate::secrets::item::Item as _;
use crate::secrets::key_pair::{self, KeyPair, KeyPairState};
use crate::secrets::pinned::{PinState, PinnedKey};
use crate::secrets::preshared;
use crate::secrets::requirements::{
    self, OTHER_TUNNEL, REQUIRED, Requirements, StoreState, is_missing, tunnel_fault,
};
use crate::secrets::rotation;
use crate::secrets::secret::Secret;
use crate::secrets::store::{self, Store, StoreError};
use crate::secrets::tunnel::{self, TunnelCredential};
use meshwright_compiler::diagnostic::Change;
use meshwright_compiler::document::Document;
use meshwright_compiler::pipeline;
use meshwright_compiler::plan::Plan;
use meshwright_compiler::source::Source;
use meshwright_compiler::topology::Topology;
use meshwright_compiler::topology::member::MemberKind;
use meshwright_value::PublicKeyHash;

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
/// comments and order are kept. Also generates the certificate authorities of the cluster and the key of
/// its service accounts, whose public hashes are written to topology.toml too, the BGP password and, with
/// `preshared_keys = true`, a key for each pair of peers. Existing keys are verified and never replaced.
/// A public key whose private key is not in the store is kept: its owner has the private key. With
/// `[secrets] recipients`, every file of the store is encrypted with age.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES, args_conflicts_with_subcommands = true)]
pub(super) struct Keys {
    /// Write nothing; exit with code 1 if a key is missing
    #[arg(long)]
    check: bool,
    /// Generate missing authorities even if the topology has public keys or hashes of a cluster; the hashes
    /// are replaced
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
        let compilation = session.compile()?;
        let Some(accepted) = KeylessTopology::accept(compilation, session)? else {
            return Ok(Status::Findings);
        };
        let KeylessTopology { document, topology, plan, .. } = accepted;
        let Some(store) = opened::store(&topology, &document, session)? else {
            return Ok(Status::Findings);
        };
        let context = KeysContext { document: &document, topology: &topology, store: &store };
        if !self.check {
            remove_leftovers(&store, session)?;
        }
        let status = match &self.verb {
            Some(KeysVerb::Import(Import::Tunnel { file })) => context.import_tunnel(file, session),
            None => context.check_or_generate(self, plan.as_deref(), session),
        }?;
        context.warn(status, session)?;
        Ok(status)
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
    /// Prints the warnings about the files of the store, unless its faults were printed.
    fn warn(self, status: Status, session: &mut Session<'_>) -> Result<(), Failure> {
        let mut found = exposure::warnings(self.store)?;
        found.extend(rotation::warnings(self.topology, self.store));
        let found = opened::not_accepted(found, self.topology);
        if status == Status::Clean && !found.is_empty() {
            session.report(&self.document.report(found, 0))?;
        }
        Ok(())
    }

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
        let published = self.generate_published(state)?;
        let written = self.write_published(&published, session)?;
        let has_generated = match &written {
            None => self.generate_others(state, session)?,
            Some(text) => {
                // Only a topology with all public keys has a plan, with its pairs of peers.
                let name = document.source().name.clone();
                let source = Source { name, text: text.clone() };
                let versions = Arc::clone(&topology.versions);
                let plan = pipeline::compile_with(source, Vec::new(), versions)?.plan;
                let required = Requirements::all(topology, plan.as_deref());
                self.generate_others(&required.look_up(topology, store)?, session)?
            }
        };
        if state.lacks_tunnel() {
            session.info(
                "the credential of the tunnel is missing: run `meshwright keys import tunnel FILE`",
            )?;
        }
        if published.lines.is_empty() && !has_generated {
            return print_complete(state, session);
        }
        session.info("next: `meshwright generate`")?;
        Ok(Status::Clean)
    }

    /// Generates the missing secrets whose public part is in the topology.
    ///
    /// They are written before the topology: if the run is interrupted, the next run derives the missing
    /// public part. A public key without its private key would lock the member out, and a hash without
    /// its key would belong to another store.
    fn generate_published(self, state: &StoreState<'_>) -> Result<Published, Failure> {
        self.require_identity(state)?;
        let mut published = Published::default();
        self.generate_key_pairs(state, &mut published)?;
        self.generate_authorities(state, &mut published)?;
        Ok(published)
    }

    /// A public part that is to be written can be derived only from a file that can be read.
    fn require_identity(self, state: &StoreState<'_>) -> Result<(), Failure> {
        let key_pairs = state.key_pairs.iter().filter_map(|(key_state, key_pair)| {
            let is_sealed = *key_state == KeyPairState::Sealed;
            (is_sealed && key_pair.member.public_key.is_none()).then(|| key_pair.path(self.store))
        });
        let pins = state.pins.iter().filter_map(|(pin_state, pinned)| {
            let is_sealed = *pin_state == PinState::Sealed;
            let is_unwritten = pinned.written(&self.topology.cluster).is_none();
            (is_sealed && is_unwritten).then(|| pinned.path(self.store))
        });
        match key_pairs.chain(pins).next() {
            None => Ok(()),
            Some(path) => Err(Failure::Secrets(StoreError::NoIdentity { path })),
        }
    }

    fn generate_key_pairs(
        self,
        state: &StoreState<'_>,
        published: &mut Published,
    ) -> Result<(), Failure> {
        for (key_state, key_pair) in &state.key_pairs {
            let member = key_pair.member;
            let (key, verb) = match key_state {
                KeyPairState::Missing => (key_pair.generate(self.store)?, "generated in"),
                KeyPairState::Unpublished(key) => (*key, "derived from"),
                _ => continue,
            };
            let path = key_pair.path(self.store);
            published.lines.push(format!("{member}: {key}, {verb} {}", path.display()));
            let (at, value) = (member.origin.key("public_key"), format!("\"{key}\""));
            published.keys.push(Change::Insert { at, value });
        }
        Ok(())
    }

    /// The authorities and the key of the service accounts.
    fn generate_authorities(
        self,
        state: &StoreState<'_>,
        published: &mut Published,
    ) -> Result<(), Failure> {
        let store = self.store;
        let missing: Vec<_> = state.missing_authorities().collect();
        for (pin_state, pinned) in &state.pins {
            let is_missing = match pinned {
                PinnedKey::Authority(authority) => missing.contains(authority),
                PinnedKey::ServiceAccounts => state.service_account_key.is_some_and(is_missing),
            };
            let (hash, verb) = match (pinned, pin_state) {
                (PinnedKey::Authority(authority), _) if is_missing => {
                    (authority.generate(store, state.now)?, "generated in")
                }
                (PinnedKey::ServiceAccounts, _) if is_missing => {
                    (ServiceAccountKey::generate_in(store)?, "generated in")
                }
                (_, PinState::Unwritten(hash)) => (*hash, "derived from"),
                _ => continue,
            };
            let path = pinned.path(store);
            published.lines.push(format!("{pinned}: {hash}, {verb} {}", path.display()));
            published.hashes.extend(self.pin(*pinned, hash));
        }
        Ok(())
    }

    /// The change that writes a hash, unless it is there.
    fn pin(self, pinned: PinnedKey, hash: PublicKeyHash) -> Option<Change> {
        let (at, value) = (pinned.route(), format!("\"{hash}\""));
        match pinned.written(&self.topology.cluster) {
            Some(written) if written == hash => None,
            Some(_) => Some(Change::Replace { at, value }),
            None => Some(Change::Insert { at, value }),
        }
    }

    /// Writes the public parts; returns the text of the topology if that was changed.
    fn write_published(
        self,
        published: &Published,
        session: &mut Session<'_>,
    ) -> Result<Option<String>, Failure> {
        let source = self.document.source();
        let changes: Vec<_> = published.keys.iter().chain(&published.hashes).collect();
        if changes.is_empty() {
            session.info_list(&published.lines)?;
            return Ok(None);
        }
        let text = correction::apply(self.document, &changes).0;
        session.replace_topology(source, &text)?;
        session.info(format_args!("{}: {} written", source.name, published.written()))?;
        session.info_list(&published.lines)?;
        Ok(Some(text))
    }

    /// Generates the other missing secrets; returns whether there were any.
    fn generate_others(
        self,
        state: &StoreState<'_>,
        session: &mut Session<'_>,
    ) -> Result<bool, Failure> {
        let store = self.store;
        let needs_password = state.bgp_password.is_some_and(is_missing);
        if needs_password {
            BgpPassword.write_new(store)?;
            let file = BgpPassword.path(store);
            session.info(format_args!("{}: BGP password generated", file.display()))?;
        }
        let needs_encryption_keys = state.encryption_keys.is_some_and(is_missing);
        if needs_encryption_keys {
            EncryptionKeys.write_new(store)?;
            let file = EncryptionKeys.path(store);
            session.info(format_args!("{}: key for Secrets in etcd generated", file.display()))?;
        }
        let pairs: Vec<_> = state.missing_preshared_keys().collect();
        pairs.iter().try_for_each(|pair| pair.write_new(store))?;
        if !pairs.is_empty() {
            let (folder, keys) =
                (store.folder(preshared::FOLDER), count(pairs.len(), "preshared key"));
            session.info(format_args!("{}: {keys} generated", folder.display()))?;
        }
        Ok(needs_password || needs_encryption_keys || !pairs.is_empty())
    }
}

/// Removes the temporary files of killed runs. Those in the store may contain secrets. A folder that cannot be
/// read is reported by what needs it.
pub(super) fn remove_leftovers(store: &Store, session: &mut Session<'_>) -> Result<(), Failure> {
    let folder = session.topology().with_file_name(".");
    let beside = file::leftovers(&folder).unwrap_or_default();
    for path in store.leftovers().unwrap_or_default().into_iter().chain(beside) {
        fs::remove_file(&path).map_err(Failure::writing(&path))?;
        let path = path.display();
        session.info(format_args!("{path}: removed, a temporary file of an interrupted run"))?;
    }
    Ok(())
}

/// The public parts of secrets that are to be written into the topology.
#[derive(Default)]
struct Published {
    /// Public keys of nodes and clients.
    keys: Vec<Change>,
    /// Hashes of authorities and of the key of the service accounts.
    hashes: Vec<Change>,
    /// A line for each secret that was generated, or whose public part was derived.
    lines: Vec<String>,
}

impl Published {
    /// `3 public keys and 4 hashes`.
    fn written(&self) -> String {
        let keys = count(self.keys.len(), "public key");
        let hashes = match self.hashes.len() {
            1 => "1 hash".to_owned(),
            many => format!("{many} hashes"),
        };
        match (self.keys.is_empty(), self.hashes.is_empty()) {
            (_, true) => keys,
            (true, false) => hashes,
            (false, false) => format!("{keys} and {hashes}"),
        }
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
        "the topology has public keys of a cluster whose authorities are not in this store:",
    )?;
    session.print(
        "  if the cluster has another store, name it with --secrets, or restore its files",
    )?;
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
    let command = format!("mkdir -p -m 700 {folder} && mv {old} {new}");
    session.print(format_args!("{member}: its private key is in the store under an old name"))?;
    if member.kind == MemberKind::Client {
        return session.print(format_args!("  run {command}"));
    }
    session
        .print("  if a machine has the old name: restore it, and run `meshwright node rename`")?;
    session.print(format_args!("  if none has it: {command}"))
}

fn print_missing(state: &StoreState<'_>, session: &mut Session<'_>) -> Result<Status, Failure> {
    let unwritten = state.unwritten_pins();
    let mut missing: Vec<_> = unwritten
        .map(|pinned| format!("{pinned}: no `{}` in the topology", pinned.key()))
        .collect();
    missing.extend(state.missing());
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
