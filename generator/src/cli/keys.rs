//! `meshwright keys`: makes the keys that are missing.

use std::io;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};

use super::Status;
use super::failure::Failure;
use super::opened::{self, advice, report_faults};
use super::session::{Session, count, members};
use crate::edit::insertion;
use crate::secrets::authority::Authority;
use crate::secrets::cluster_key::{BgpPassword, ServiceAccountKey};
use crate::secrets::fault::{TUNNEL_CREDENTIAL_MALFORMED, TUNNEL_CREDENTIAL_MISMATCH};
use crate::secrets::inventory::{self, Inventory, Wanted, is_missing, tunnel_fault};
use crate::secrets::item::Item as _;
use crate::secrets::key_pair::{self, Kind, Owner, State};
use crate::secrets::preshared;
use crate::secrets::secret::Secret;
use crate::secrets::store::{self, Store};
use crate::secrets::tunnel::{self, Credential};
use meshwright_compiler::diagnostic::Severity;
use meshwright_compiler::document::Document;
use meshwright_compiler::pipeline::{self, Compilation};
use meshwright_compiler::plan::Plan;
use meshwright_compiler::route::Route;
use meshwright_compiler::source::Source;
use meshwright_compiler::topology::Topology;
use meshwright_value::PublicKey;

/// Code of the rule that this verb satisfies.
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
    verb: Option<Verb>,
}

#[derive(Debug, Subcommand)]
enum Verb {
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
        let bench = Bench { document: &document, topology: &topology, store: &store };
        match &self.verb {
            Some(Verb::Import(Import::Tunnel { file })) => bench.import_tunnel(file, session),
            None if self.recrypt => bench.recrypt(session),
            None => bench.keep(self, plan.as_deref(), session),
        }
    }
}

/// What all of it works with.
#[derive(Clone, Copy)]
struct Bench<'a> {
    document: &'a Document,
    topology: &'a Topology,
    store: &'a Store,
}

impl Bench<'_> {
    /// Makes what is missing, or says what is.
    fn keep(
        self,
        keys: &Keys,
        plan: Option<&Plan>,
        session: &mut Session<'_>,
    ) -> Result<Status, Failure> {
        let Self { document, topology, store } = self;
        let inventory = Wanted::all(topology, plan).survey(topology, store)?;
        let outdated = store.outdated()?.map(|outdated| inventory::outdated(outdated, store));
        let faults: Vec<_> = outdated.into_iter().chain(inventory.faults(store)).collect();
        if !faults.is_empty() {
            report_faults(document, faults, session)?;
            return Ok(Status::Findings);
        }
        mention_elsewhere(topology, &inventory, store, session)?;
        if keys.check {
            return tell_missing(&inventory, session);
        }
        if inventory.is_of_another_store() && !keys.new_cluster {
            return refuse_second_cluster(session);
        }
        self.make(&inventory, session)
    }

    fn recrypt(self, session: &mut Session<'_>) -> Result<Status, Failure> {
        let files = count(self.store.recrypt()?, "file");
        let folder = self.store.folder("");
        let folder = folder.display();
        match self.topology.secrets.recipients.len() {
            0 if self.store.is_ignored_by_git() => {
                session.talk(format_args!("{folder}: {files} kept plain, and ignored by git"))?;
            }
            0 => session.say(format_args!(
                "warning: {folder}: {files} kept plain, and {folder}/.gitignore is yours: see that git takes none"
            ))?,
            number => {
                let recipients = count(number, "recipient");
                session.talk(format_args!("{folder}: {files} encrypted to {recipients}"))?;
            }
        }
        Ok(Status::Clean)
    }

    fn import_tunnel(self, file: &Path, session: &mut Session<'_>) -> Result<Status, Failure> {
        let Some(tunnel) = &self.topology.cloudflare_tunnel else {
            let message = format!("{} has no [cloudflare_tunnel]", self.document.source().name);
            return Err(Failure::usage(message, "write its `id` and `hostnames` first"));
        };
        let name = if file == Path::new("-") {
            "standard input".into()
        } else {
            file.display().to_string()
        };
        let Some(credential) = Credential::parse(&read(file)?) else {
            let message = format!("{name} holds no credential of a tunnel");
            let help = "name the credentials.json of `cloudflared tunnel create`, or a token";
            let fault = tunnel_fault(TUNNEL_CREDENTIAL_MALFORMED, message, "needs one", help);
            return report_faults(self.document, vec![fault], session).map(|()| Status::Findings);
        };
        if credential.id != tunnel.id {
            let message = format!("{name} is the credential of the tunnel {}", credential.id);
            let help = "import that of this tunnel, or correct the id";
            let fault = tunnel_fault(TUNNEL_CREDENTIAL_MISMATCH, message, "is another", help);
            return report_faults(self.document, vec![fault], session).map(|()| Status::Findings);
        }
        self.keep_tunnel(&credential, session)
    }

    /// What is there is compared, and never replaced.
    fn keep_tunnel(
        self,
        credential: &Credential,
        session: &mut Session<'_>,
    ) -> Result<Status, Failure> {
        let path = tunnel::path(self.store);
        let path = path.display();
        if let Some(kept) = Credential::find(self.store)? {
            if kept.is(credential) {
                session.talk(format_args!("{path} holds it already"))?;
                return Ok(Status::Clean);
            }
            let message = format!("{path} holds another credential");
            return Err(Failure::usage(message, "move the file away if it is outdated"));
        }
        credential.keep(self.store)?;
        let (path, id) = (tunnel::path(self.store), &credential.id);
        session.talk(format_args!("{}: credential of the tunnel {id} kept", path.display()))?;
        Ok(Status::Clean)
    }

    fn make(self, inventory: &Inventory<'_>, session: &mut Session<'_>) -> Result<Status, Failure> {
        let Self { document, topology, store } = self;
        let published = self.make_key_pairs(inventory, session)?;
        let has_made = match &published {
            None => self.make_others(inventory, session)?,
            Some(text) => {
                let name = document.source().name.clone();
                let plan = pipeline::compile(Source { name, text: text.clone() })?.plan;
                let wanted = Wanted::all(topology, plan.as_deref());
                self.make_others(&wanted.survey(topology, store)?, session)?
            }
        };
        if inventory.lacks_tunnel() {
            session.talk("the tunnel has no credential: `meshwright keys import tunnel FILE`")?;
        }
        if published.is_none() && !has_made {
            return tell_complete(inventory, session);
        }
        session.talk("next: `meshwright generate`")?;
        Ok(Status::Clean)
    }

    /// Makes the key pairs that are missing, and returns the text of the topology if that changed it.
    ///
    /// Private keys first: a public key in the topology whose private half was lost would lock its
    /// owner out, while the next run derives a public key that is missing.
    fn make_key_pairs(
        self,
        inventory: &Inventory<'_>,
        session: &mut Session<'_>,
    ) -> Result<Option<String>, Failure> {
        let (source, store) = (self.document.source(), self.store);
        let mut published: Vec<(&Route, PublicKey)> = Vec::new();
        let mut lines = Vec::new();
        for (state, owner) in &inventory.owners {
            let (key, verb) = match state {
                State::Missing => (owner.make(store)?, "made"),
                State::Unpublished(key) => (*key, "taken from"),
                State::Sealed if owner.public_key.is_none() => {
                    return Err(Failure::Secrets(store::Error::NoIdentity {
                        path: owner.path(store),
                    }));
                }
                _ => continue,
            };
            lines.push(format!("{owner}: {key}, {verb} {}", owner.path(store).display()));
            published.push((owner.origin, key));
        }
        if published.is_empty() {
            return Ok(None);
        }
        let text = insertion::insert_public_keys(self.document, &published);
        session.replace_topology(source, &text)?;
        let written = count(published.len(), "public key");
        session.talk(format_args!("{}: {written} written", source.name))?;
        session.talk_list(&lines)?;
        Ok(Some(text))
    }

    /// Makes the other secrets that are missing, and says whether there were any.
    fn make_others(
        self,
        inventory: &Inventory<'_>,
        session: &mut Session<'_>,
    ) -> Result<bool, Failure> {
        let store = self.store;
        let authorities: Vec<_> = inventory.missing_authorities().collect();
        self.make_authorities(&authorities, inventory, session)?;
        let needs_key = is_missing(inventory.service_account_key);
        if needs_key {
            ServiceAccountKey.make(store)?;
            let path = ServiceAccountKey.path(store);
            session.talk(format_args!("{}: key of the service accounts made", path.display()))?;
        }
        let needs_password = is_missing(inventory.bgp_password);
        if needs_password {
            BgpPassword.make(store)?;
            let path = BgpPassword.path(store);
            session.talk(format_args!("{}: password of BGP made", path.display()))?;
        }
        let pairs: Vec<_> = inventory.missing_pairs().collect();
        pairs.iter().try_for_each(|pair| pair.make(store))?;
        if !pairs.is_empty() {
            let (folder, made) =
                (store.folder(preshared::FOLDER), count(pairs.len(), "preshared key"));
            session.talk(format_args!("{}: {made} made", folder.display()))?;
        }
        Ok(!authorities.is_empty() || needs_key || needs_password || !pairs.is_empty())
    }

    fn make_authorities(
        self,
        missing: &[Authority],
        inventory: &Inventory<'_>,
        session: &mut Session<'_>,
    ) -> Result<(), Failure> {
        for authority in missing {
            let store = self.store;
            authority.make(store, inventory.now)?;
            let path = authority.certificate_path(store);
            let hash = match authority {
                Authority::Cluster => authority.public_key_hash(store)?,
                Authority::FrontProxy | Authority::Etcd => None,
            };
            let hash = hash.map(|hash| format!(", its public key has the hash {hash}"));
            let hash = hash.unwrap_or_default();
            session.talk(format_args!("{}: authority {authority} made{hash}", path.display()))?;
        }
        Ok(())
    }
}

/// Reads a file into a secret; `-` is standard input.
fn read(file: &Path) -> Result<Secret, Failure> {
    let path = if file == Path::new("-") { Path::new("/dev/stdin") } else { file };
    store::read_small(path).map(Secret::from).map_err(Failure::taking(file))
}

fn mention_elsewhere(
    topology: &Topology,
    inventory: &Inventory<'_>,
    store: &Store,
    session: &mut Session<'_>,
) -> Result<(), Failure> {
    if inventory.elsewhere().next().is_none() {
        return Ok(());
    }
    let kept = key_pair::kept(&topology.wireguard.interface, store)?;
    for owner in inventory.elsewhere() {
        match owner.public_key.and_then(|key| kept.get(&key)) {
            Some(found) => mention_renamed(owner, found, store, session)?,
            None => session.talk(format_args!(
                "{owner}: made elsewhere, its private key is not in the store"
            ))?,
        }
    }
    Ok(())
}

/// The authorities of a running cluster are in the store of whoever founded it. Others beside them
/// would part the hosts that are sent these from the rest.
fn refuse_second_cluster(session: &mut Session<'_>) -> Result<Status, Failure> {
    session.say(
        "the cluster's own secrets are missing, and the key of every node was made elsewhere:",
    )?;
    session.say("  if this cluster has a store elsewhere, name it with --secrets")?;
    session.say("  if it has none yet, run `meshwright keys --new-cluster`")?;
    Ok(Status::Findings)
}

fn mention_renamed(
    owner: &Owner<'_>,
    found: &Path,
    store: &Store,
    session: &mut Session<'_>,
) -> io::Result<()> {
    let path = owner.path(store);
    let folder = path.parent().unwrap_or(&path).display();
    let (found, path) = (found.display(), path.display());
    session.say(format_args!("{owner}: its private key is in the store under an old name:"))?;
    session.say(format_args!("  mkdir -p {folder} && mv {found} {path}"))
}

fn tell_missing(inventory: &Inventory<'_>, session: &mut Session<'_>) -> Result<Status, Failure> {
    let missing = inventory.missing();
    if missing.is_empty() {
        return tell_complete(inventory, session);
    }
    session.say("keys are missing:")?;
    session.list(&missing)?;
    session.say(advice(&missing))?;
    Ok(Status::Findings)
}

fn tell_complete(inventory: &Inventory<'_>, session: &mut Session<'_>) -> Result<Status, Failure> {
    let of = |kind| inventory.owners.iter().filter(|(_, owner)| owner.kind == kind).count();
    let members = members(of(Kind::Node), of(Kind::Client));
    let preshared = match inventory.pairs.len() {
        0 => String::new(),
        pairs => format!(", {}", count(pairs, "preshared key")),
    };
    session.talk(format_args!("keys are complete: {members}{preshared}"))?;
    Ok(Status::Clean)
}
