//! `meshwright keys`: makes the keys that are missing.

use std::io;
use std::path::Path;

use clap::Args;

use super::Status;
use super::failure::Failure;
use super::session::{Session, count, members};
use crate::diagnostic::{Diagnostic, Finding, Located, Severity};
use crate::document::{Document, Source};
use crate::file;
use crate::pipeline::{self, Compiled};
use crate::plan::Plan;
use crate::route::Route;
use crate::secrets::key_pair::{Kind, Owner, State};
use crate::secrets::preshared::{self, Pair};
use crate::secrets::store::{self, Store};
use crate::secrets::{PRESHARED_KEY_MALFORMED, PRIVATE_KEY_MALFORMED, PRIVATE_KEY_MISMATCH};
use crate::topology::{Topology, edit};
use crate::value::PublicKey;

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
/// public key whose private half is not in the store was made elsewhere, and is left alone. With
/// `preshared_keys = true`, each pair of peers gets a preshared key in the store, too.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Keys {
    /// Write nothing, and fail if a key is missing
    #[arg(long)]
    check: bool,
}

type Survey<'topology> = Vec<(Owner<'topology>, State)>;
type Pairs<'plan> = Vec<(Pair<'plan>, preshared::State)>;

impl Keys {
    pub(super) fn run(&self, session: &mut Session<'_>) -> Result<Status, Failure> {
        let source = session.source()?;
        let (document, syntax) = Document::parse(&source);
        let Compiled { mut report, topology, plan } = pipeline::compile_document(&document, syntax);
        report.diagnostics.retain(|found| found.code != PUBLIC_KEY_MISSING);
        let (Some(topology), 0) = (topology, report.count(Severity::Error)) else {
            session.report(&report)?;
            return Ok(Status::Findings);
        };
        refuse_recipients(&topology)?;
        let store = Store::new(session.secrets_dir());
        let survey = survey(&topology, &store)?;
        let pairs = pairs(plan.as_deref(), &store)?;
        report.diagnostics = contradictions(&survey, &pairs, &store, &document);
        if report.count(Severity::Error) > 0 {
            session.report(&report)?;
            return Ok(Status::Findings);
        }
        mention_elsewhere(&survey, &store, session)?;
        let status = match self.check {
            true => tell_missing(&survey, &pairs, session)?,
            false => make(&survey, &pairs, &store, &source, session)?,
        };
        session.report(&report)?;
        Ok(status)
    }
}

/// Plain files would be what nobody asked for.
fn refuse_recipients(topology: &Topology) -> Result<(), Failure> {
    if topology.secrets.recipients.is_empty() {
        return Ok(());
    }
    let help = "leave [secrets] out and keep the store out of git";
    Err(Failure::usage("encrypting the store to recipients is not built yet", help))
}

fn survey<'topology>(
    topology: &'topology Topology,
    store: &Store,
) -> Result<Survey<'topology>, Failure> {
    let owners = Owner::all(topology).into_iter();
    let states = owners.map(|owner| owner.state(store).map(|state| (owner, state)));
    Ok(states.collect::<Result<_, _>>()?)
}

/// The pairs that are known, each with what the store has of its preshared key. A topology without
/// all of its public keys has no plan, and none is known.
fn pairs<'plan>(plan: Option<&'plan Plan>, store: &Store) -> Result<Pairs<'plan>, store::Error> {
    let pairs = plan.map(Pair::all).unwrap_or_default().into_iter();
    pairs.map(|pair| Ok((pair, pair.state(store)?))).collect()
}

fn missing<'plan>(pairs: &Pairs<'plan>) -> impl Iterator<Item = Pair<'plan>> {
    let missing = pairs.iter().filter(|(_, state)| *state == preshared::State::Missing);
    missing.map(|(pair, _)| *pair)
}

/// Key files that contradict the topology, or are none: reported, and never repaired by guessing.
fn contradictions(
    survey: &Survey<'_>,
    pairs: &Pairs<'_>,
    store: &Store,
    document: &Document<'_>,
) -> Vec<Located> {
    let found = survey.iter().filter_map(|(owner, state)| contradiction(owner, *state, store));
    let malformed = pairs.iter().filter(|(_, state)| *state == preshared::State::Malformed);
    let malformed = malformed.map(|(pair, _)| malformed_preshared_key(pair, store));
    found.chain(malformed).map(|diagnostic| document.locate(diagnostic)).collect()
}

fn malformed_preshared_key(pair: &Pair<'_>, store: &Store) -> Diagnostic {
    let finding = Finding::new(
        format!("{} holds no preshared key", pair.path(store).display()),
        &Route::root().key("wireguard").key("preshared_keys"),
        "asks for one",
    )
    .help("put back what `wg genpsk` has printed, or move the file away");
    Diagnostic { code: PRESHARED_KEY_MALFORMED, severity: Severity::Error, finding }
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

fn mention_elsewhere(
    survey: &Survey<'_>,
    store: &Store,
    session: &mut Session<'_>,
) -> Result<(), Failure> {
    for (owner, _) in survey.iter().filter(|(_, state)| *state == State::Elsewhere) {
        match owner.find(store)? {
            Some(found) => mention_renamed(owner, &found, store, session)?,
            None => session.talk(format_args!(
                "{owner}: made elsewhere, its private key is not in the store"
            ))?,
        }
    }
    Ok(())
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

fn tell_missing(
    survey: &Survey<'_>,
    pairs: &Pairs<'_>,
    session: &mut Session<'_>,
) -> Result<Status, Failure> {
    let missing = survey.iter().filter_map(|(owner, state)| match state {
        State::Missing => Some(format!("{owner}: no key pair")),
        State::Unpublished(_) => Some(format!("{owner}: no public key in the topology")),
        _ => None,
    });
    let pairs_without = self::missing(pairs).map(|pair| format!("{pair}: no preshared key"));
    let missing: Vec<_> = missing.chain(pairs_without).collect();
    if missing.is_empty() {
        return tell_complete(survey, pairs.len(), session);
    }
    session.say("keys are missing:")?;
    session.list(&missing)?;
    session.say("run `meshwright keys`")?;
    Ok(Status::Findings)
}

fn tell_complete(
    survey: &Survey<'_>,
    pairs: usize,
    session: &mut Session<'_>,
) -> Result<Status, Failure> {
    let of = |kind| survey.iter().filter(|(owner, _)| owner.kind == kind).count();
    let members = members(of(Kind::Node), of(Kind::Client));
    let preshared = match pairs {
        0 => String::new(),
        pairs => format!(", {}", count(pairs, "preshared key")),
    };
    session.talk(format_args!("keys are complete: {members}{preshared}"))?;
    Ok(Status::Clean)
}

fn make(
    survey: &Survey<'_>,
    pairs: &Pairs<'_>,
    store: &Store,
    source: &Source,
    session: &mut Session<'_>,
) -> Result<Status, Failure> {
    let published = make_key_pairs(survey, store, source, session)?;
    let made = match &published {
        None => make_preshared_keys(pairs, store, session)?,
        Some(text) => {
            let source = Source { name: source.name.clone(), text: text.clone() };
            let plan = pipeline::compile(&source).plan;
            make_preshared_keys(&self::pairs(plan.as_deref(), store)?, store, session)?
        }
    };
    if published.is_none() && made == 0 {
        return tell_complete(survey, pairs.len(), session);
    }
    session.talk("next: `meshwright generate`")?;
    Ok(Status::Clean)
}

/// Makes the preshared keys that are missing, and returns how many that were.
fn make_preshared_keys(
    pairs: &Pairs<'_>,
    store: &Store,
    session: &mut Session<'_>,
) -> Result<usize, Failure> {
    let missing: Vec<_> = missing(pairs).collect();
    missing.iter().try_for_each(|pair| pair.make(store))?;
    if !missing.is_empty() {
        let folder = store.path(preshared::FOLDER);
        let made = count(missing.len(), "preshared key");
        session.talk(format_args!("{}: {made} made", folder.display()))?;
    }
    Ok(missing.len())
}

/// Makes the key pairs that are missing, and returns the text of the topology if that changed it.
///
/// Private keys first: a public key in the topology whose private half was lost would lock its
/// owner out, while the next run derives a public key that is missing.
fn make_key_pairs(
    survey: &Survey<'_>,
    store: &Store,
    source: &Source,
    session: &mut Session<'_>,
) -> Result<Option<String>, Failure> {
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
        return Ok(None);
    }
    let text = edit::insert_public_keys(&source.text, &published)?;
    let path = session.topology();
    file::replace(path, text.as_bytes()).map_err(Failure::writing(path))?;
    session.talk(format_args!(
        "{}: {} written",
        source.name,
        count(published.len(), "public key")
    ))?;
    session.talk_list(&lines)?;
    Ok(Some(text))
}
