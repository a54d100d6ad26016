//! `meshwright keys`: makes the keys that are missing.

use std::path::Path;

use clap::Args;

use super::Status;
use super::failure::Failure;
use super::session::{Session, count, members};
use crate::diagnostic::{Diagnostic, Finding, Located, Severity};
use crate::document::{Document, Source};
use crate::route::Route;
use crate::rules::Problems;
use crate::secrets::key_pair::{Kind, Owner, State};
use crate::secrets::store::Store;
use crate::secrets::{PRIVATE_KEY_MALFORMED, PRIVATE_KEY_MISMATCH};
use crate::topology::{Topology, edit};
use crate::value::PublicKey;
use crate::{file, pipeline};

/// Code of the rule that this verb satisfies.
pub(super) const PUBLIC_KEY_MISSING: &str = "public-key-missing";

const EXAMPLES: &str = "\
Examples:
  meshwright keys
  meshwright keys --check                      # in CI: fails when a key is missing
  meshwright keys --secrets /mnt/usb/secrets   # keep private keys elsewhere";

/// Make the keys that are missing
///
/// Makes a WireGuard key pair for each node and client without one: the private key goes into the
/// store, readable by its owner alone and ignored by git, the public key into topology.toml, whose
/// comments and order stay as they are. What is there already is compared and never replaced. A
/// public key whose private half is not in the store was made elsewhere, and is left alone.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Keys {
    /// Write nothing, and fail if a key is missing
    #[arg(long)]
    check: bool,
}

type Survey<'topology> = Vec<(Owner<'topology>, State)>;

impl Keys {
    pub(super) fn run(&self, session: &mut Session<'_>) -> Result<Status, Failure> {
        let source = session.source()?;
        let mut report = pipeline::compile(&source).report;
        report.diagnostics.retain(|found| found.code != PUBLIC_KEY_MISSING);
        let document = Document::parse(&source).0;
        let topology = Topology::from_document(&document, &mut Problems::default());
        let (Some(topology), 0) = (topology, report.count(Severity::Error)) else {
            session.report(&report)?;
            return Ok(Status::Findings);
        };
        let store = Store::new(session.secrets_dir());
        let survey = survey(&topology, &store)?;
        report.diagnostics = contradictions(&survey, &store, &document);
        if session.report(&report)? {
            return Ok(Status::Findings);
        }
        mention_elsewhere(&survey, session)?;
        if self.check {
            return tell_missing(&survey, session);
        }
        make(&survey, &store, &source, session)
    }
}

fn survey<'topology>(
    topology: &'topology Topology,
    store: &Store,
) -> Result<Survey<'topology>, Failure> {
    let owners = Owner::all(topology).into_iter();
    let states = owners.map(|owner| owner.state(store).map(|state| (owner, state)));
    Ok(states.collect::<Result<_, _>>()?)
}

/// Key files that contradict the topology, or are none: reported, and never repaired by guessing.
fn contradictions(survey: &Survey<'_>, store: &Store, document: &Document<'_>) -> Vec<Located> {
    let found = survey.iter().filter_map(|(owner, state)| contradiction(owner, *state, store));
    found.map(|diagnostic| document.locate(diagnostic)).collect()
}

fn contradiction(owner: &Owner<'_>, state: State, store: &Store) -> Option<Diagnostic> {
    let path = owner.path(store);
    let path = path.display();
    let (code, finding) = match state {
        State::Mismatch(derived) => (
            PRIVATE_KEY_MISMATCH,
            Finding::new(
                format!("the public key of {owner} is not that of {path}"),
                &owner.origin.key("public_key"),
                "belongs to another private key",
            )
            .help(format!(
                "if the file is right, write public_key = \"{derived}\"; if not, move it away"
            )),
        ),
        State::Malformed => (
            PRIVATE_KEY_MALFORMED,
            Finding::new(
                format!("{path} holds no private key"),
                &owner.origin.key("name"),
                "its key is kept there",
            )
            .help("put back what `wg genkey` has printed, or move the file away"),
        ),
        State::Missing | State::Unpublished(_) | State::Complete | State::Elsewhere => return None,
    };
    Some(Diagnostic { code, severity: Severity::Error, finding })
}

fn mention_elsewhere(survey: &Survey<'_>, session: &mut Session<'_>) -> Result<(), Failure> {
    for (owner, _) in survey.iter().filter(|(_, state)| *state == State::Elsewhere) {
        session
            .talk(format_args!("{owner}: made elsewhere, its private key is not in the store"))?;
    }
    Ok(())
}

fn tell_missing(survey: &Survey<'_>, session: &mut Session<'_>) -> Result<Status, Failure> {
    let missing = survey.iter().filter_map(|(owner, state)| match state {
        State::Missing => Some(format!("{owner}: no key pair")),
        State::Unpublished(_) => Some(format!("{owner}: no public key in the topology")),
        _ => None,
    });
    let missing: Vec<_> = missing.collect();
    if missing.is_empty() {
        return tell_complete(survey, session);
    }
    session.say("keys are missing:")?;
    session.list(&missing)?;
    session.say("run `meshwright keys`")?;
    Ok(Status::Findings)
}

fn tell_complete(survey: &Survey<'_>, session: &mut Session<'_>) -> Result<Status, Failure> {
    let of = |kind| survey.iter().filter(|(owner, _)| owner.kind == kind).count();
    let members = members(of(Kind::Node), of(Kind::Client));
    session.talk(format_args!("keys are complete: {members}"))?;
    Ok(Status::Clean)
}

/// Private keys first: a public key in the topology whose private half was lost would lock its
/// owner out, while the next run derives a public key that is missing.
fn make(
    survey: &Survey<'_>,
    store: &Store,
    source: &Source,
    session: &mut Session<'_>,
) -> Result<Status, Failure> {
    let mut published: Vec<(&Route, PublicKey)> = Vec::new();
    let mut lines = Vec::new();
    for (owner, state) in survey {
        let (key, verb) = match state {
            State::Missing => (owner.make(store)?, "made"),
            State::Unpublished(key) => (*key, "taken from"),
            _ => continue,
        };
        lines.push(format!("{owner}: {key}, {verb} {}", owner.path(store).display()));
        published.push((owner.origin, key));
    }
    if published.is_empty() {
        return tell_complete(survey, session);
    }
    publish(session.topology(), source, &published)?;
    session.talk(format_args!(
        "{}: {} written",
        source.name,
        count(published.len(), "public key")
    ))?;
    session.talk_list(&lines)?;
    session.talk("next: `meshwright generate`")?;
    Ok(Status::Clean)
}

fn publish(path: &Path, source: &Source, keys: &[(&Route, PublicKey)]) -> Result<(), Failure> {
    let text = edit::insert_public_keys(&source.text, keys)?;
    file::replace(path, text.as_bytes()).map_err(Failure::writing(path))
}
