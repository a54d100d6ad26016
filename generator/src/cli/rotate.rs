//! `meshwright rotate`: replaces WireGuard keys.

use clap::Args;

use super::Status;
use super::argument::{parse, quoted};
use super::edited::{EditOptions, EditedTopology};
use super::failure::Failure;
use super::opened;
use super::session::Session;
use crate::secrets::key_pair::KeyPair;
use crate::secrets::rotation::RotationState;
use crate::secrets::store::Store;
use meshwright_compiler::route::Route;
use meshwright_value::Name;

const EXAMPLES: &str = "\
Examples:
  meshwright rotate tokyo                      # then keys are delivered as `meshwright plan` says
  meshwright rotate tokyo --finish             # after that: deletes the old key
  meshwright rotate --all --dry-run";

/// What the patch of a dry run has in the place of a key that is not generated.
const NOT_GENERATED: &str = "NEW";

/// Replace the WireGuard key of a node or client
///
/// Generates a new key pair: the private key in the store, the public key in topology.toml. The old private
/// key stays in the store, as `wg0.former.key`, until `--finish` deletes it; until then, `check`, `generate`
/// and `keys` warn. A pair of members cannot communicate while one of them has the old key of the other:
/// `meshwright plan` prints the order of the deliveries. Preshared keys are kept.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Rotate {
    /// The node or client
    #[arg(value_parser = parse::<Name>, required_unless_present = "all", conflicts_with = "all")]
    name: Option<Name>,
    /// All nodes and clients whose private key is in the store
    #[arg(long)]
    all: bool,
    /// Delete the old keys: the new ones are delivered everywhere
    #[arg(long)]
    finish: bool,
    #[command(flatten)]
    options: EditOptions,
}

/// A public key that the topology gets.
struct Replacement {
    at: Route,
    public_key: String,
    /// What was done, for people.
    done: String,
}

impl Rotate {
    pub(super) fn run(&self, session: &mut Session<'_>) -> Result<Status, Failure> {
        let Some(mut edited) = EditedTopology::open(session)? else { return Ok(Status::Findings) };
        let Some(store) = opened::store(&edited.topology, &edited.document, session)? else {
            return Ok(Status::Findings);
        };
        let key_pairs = match &self.name {
            None => KeyPair::all(&edited.topology),
            Some(name) => KeyPair::named(&edited.topology, name),
        };
        if let (Some(name), true) = (&self.name, key_pairs.is_empty()) {
            let message = format!("there is no node or client `{name}`");
            return Err(Failure::usage(message, "name one of the topology, or use --all"));
        }
        if self.finish {
            return self.finish(&key_pairs, &store, session);
        }
        let replaced = self.replace(&self.replaceable(key_pairs, &store, session)?, &store)?;
        for Replacement { at, public_key, .. } in &replaced {
            edited.draft.set(at, &quoted(public_key));
        }
        let (places, done): (Vec<_>, Vec<_>) =
            replaced.into_iter().map(|replaced| (replaced.at, replaced.done)).unzip();
        match self.options.dry_run {
            true => edited.preview(&done, &places, session),
            false => edited.finish(&self.options, &done, session),
        }
    }

    /// The key pairs that are replaced. Keys that their owners have are left out of `--all`.
    fn replaceable<'a>(
        &self,
        key_pairs: Vec<KeyPair<'a>>,
        store: &Store,
        session: &mut Session<'_>,
    ) -> Result<Vec<KeyPair<'a>>, Failure> {
        let mut chosen = Vec::new();
        let mut unfinished = Vec::new();
        for key_pair in key_pairs {
            let member = key_pair.member;
            match key_pair.rotation(store)? {
                RotationState::Ready | RotationState::Interrupted => chosen.push(key_pair),
                RotationState::Unfinished => unfinished.push(member.to_string()),
                RotationState::WithoutKey if self.all => session.info(format_args!(
                    "{member}: its private key is not in the store; its public key is kept"
                ))?,
                RotationState::WithoutKey => {
                    let path = key_pair.path(store);
                    let message =
                        format!("the private key of {member} is not in {}", path.display());
                    let help = "its owner generates a new key pair, and you write its `public_key`";
                    return Err(Failure::usage(message, help));
                }
                RotationState::Unpublished => {
                    let message = format!("{member} has no key pair that can be replaced");
                    return Err(Failure::usage(message, "run `meshwright keys`"));
                }
            }
        }
        if unfinished.is_empty() {
            return Ok(chosen);
        }
        let message =
            format!("the last rotation of the key of {} is not finished", unfinished.join(", "));
        let help = "deliver as `meshwright plan` says, then run `meshwright rotate NAME --finish`";
        Err(Failure::usage(message, help))
    }

    /// Replaces the private keys. They are written before the topology: if the run is interrupted, the next
    /// one derives the public keys.
    fn replace(
        &self,
        key_pairs: &[KeyPair<'_>],
        store: &Store,
    ) -> Result<Vec<Replacement>, Failure> {
        let mut replaced = Vec::new();
        for key_pair in key_pairs {
            let member = key_pair.member;
            let at = member.origin.key("public_key");
            let (public_key, done) = if self.options.dry_run {
                (NOT_GENERATED.to_owned(), format!("{member}: key replaced"))
            } else {
                let public_key = key_pair.rotate(store)?.to_string();
                let former = key_pair.former_path(store);
                let done = format!("{member}: {public_key}; the old key is {}", former.display());
                (public_key, done)
            };
            replaced.push(Replacement { at, public_key, done });
        }
        Ok(replaced)
    }

    fn finish(
        &self,
        key_pairs: &[KeyPair<'_>],
        store: &Store,
        session: &mut Session<'_>,
    ) -> Result<Status, Failure> {
        for key_pair in key_pairs {
            let member = key_pair.member;
            let former = key_pair.former_path(store);
            let path = former.display();
            match key_pair.rotation(store)? {
                RotationState::Unfinished if self.options.dry_run => {
                    session.info(format_args!("dry run: {member}: {path} deleted"))?;
                }
                RotationState::Unfinished => {
                    key_pair.delete_former_key(store)?;
                    session.info(format_args!("{member}: {path} deleted"))?;
                }
                RotationState::Interrupted => {
                    let message = format!("the rotation of {member} was interrupted");
                    let help =
                        format!("run `meshwright rotate {}`, which completes it", member.name);
                    return Err(Failure::usage(message, help));
                }
                _ if self.all => {}
                _ => session.info(format_args!("{member}: no rotation is unfinished"))?,
            }
        }
        Ok(Status::Clean)
    }
}
