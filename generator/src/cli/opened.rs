//! What verbs that need secrets start from: a topology without errors, its plan, and the store.

use std::path::PathBuf;

use super::failure::Failure;
use super::session::Session;
use crate::secrets::fault::{RECIPIENT_UNUSABLE, fault};
use crate::secrets::inventory::{Inventory, NO_CREDENTIAL, Wanted, published};
use crate::secrets::seal::{Identities, Recipients};
use crate::secrets::store::Store;
use meshwright_compiler::check::Checked;
use meshwright_compiler::diagnostic::{Diagnostic, Finding, Severity};
use meshwright_compiler::document::Document;
use meshwright_compiler::pipeline::{self, Compilation, RuleGap};
use meshwright_compiler::plan::Plan;
use meshwright_compiler::route::Route;
use meshwright_compiler::source::Source;
use meshwright_compiler::topology::Topology;

/// All of it.
pub(super) struct Opened {
    document: Document,
    pub(super) topology: Topology,
    pub(super) plan: Checked<Plan>,
    pub(super) store: Store,
}

impl Opened {
    /// Compiles the topology and opens its store; `None` after reporting what is wrong. A private key
    /// in the place of a public one would be sent to every peer.
    pub(super) fn open(session: &mut Session<'_>) -> Result<Option<Self>, Failure> {
        let compilation = pipeline::compile(session.source()?)?;
        let Compilation { document, report, topology, plan } = compilation;
        let (Some(topology), Some(plan)) = (topology, plan) else {
            session.report(&report)?;
            return Ok(None);
        };
        let store = match store(&topology, session)? {
            Ok(store) => store,
            Err(faults) => return report_faults(&document, faults, session).map(|()| None),
        };
        let faults = published(&topology, &store);
        if !faults.is_empty() {
            return report_faults(&document, faults, session).map(|()| None);
        }
        Ok(Some(Self { document, topology, plan, store }))
    }

    /// Looks for the secrets that are wanted, and says whether all are there; what is missing or
    /// broken is reported.
    pub(super) fn has(
        &self,
        wanted: Wanted<'_>,
        session: &mut Session<'_>,
    ) -> Result<bool, Failure> {
        let inventory = wanted.survey(&self.topology, &self.store)?;
        let faults = inventory.faults(&self.store);
        if !faults.is_empty() {
            report_faults(&self.document, faults, session)?;
            return Ok(false);
        }
        let missing = self.missing(&inventory);
        if missing.is_empty() {
            return Ok(true);
        }
        session.say("secrets are missing:")?;
        session.list(&missing)?;
        let is_lost = inventory.elsewhere().next().is_some();
        session.say(if is_lost { LOST } else { advice(&missing) })?;
        Ok(false)
    }

    /// What is missing; here, a key that was made elsewhere is.
    fn missing(&self, inventory: &Inventory<'_>) -> Vec<String> {
        let elsewhere = inventory.elsewhere().map(|owner| {
            let path = owner.path(&self.store);
            format!("{owner}: its private key was made elsewhere and is not {}", path.display())
        });
        elsewhere.chain(inventory.missing()).collect()
    }
}

const LOST: &str = "put it there, or take its public_key out and run `meshwright keys`";

/// What to do about what is missing.
pub(super) fn advice(missing: &[String]) -> &'static str {
    let lacks_tunnel = missing.iter().any(|line| line == NO_CREDENTIAL);
    match (lacks_tunnel, missing.len()) {
        (false, _) => "run `meshwright keys`",
        (true, 1) => "run `meshwright keys import tunnel FILE`",
        (true, _) => "run `meshwright keys`, then `meshwright keys import tunnel FILE`",
    }
}

/// Opens the store of a topology, or says which recipients nothing can be encrypted to.
pub(super) fn store(
    topology: &Topology,
    session: &Session<'_>,
) -> Result<Result<Store, Vec<Diagnostic>>, Failure> {
    let written = &topology.secrets.recipients;
    let recipients = match Recipients::new(written) {
        Ok(recipients) => recipients,
        Err(unusable) => {
            let faults =
                unusable.into_iter().map(|position| unusable_recipient(topology, position));
            return Ok(Err(faults.collect()));
        }
    };
    let is_sealed = !written.is_empty();
    let identities = Identities::read(&identity_files(is_sealed, session))?;
    Ok(Ok(Store::new(session.secrets_dir(), is_sealed.then_some(recipients), identities)))
}

fn unusable_recipient(topology: &Topology, position: usize) -> Diagnostic {
    let recipient = &topology.secrets.recipients[position];
    let route = Route::root().key("secrets").key("recipients").index(position);
    let finding = Finding::new(
        format!("nothing can be encrypted to `{recipient}`"),
        &route,
        "has a wrong checksum, or needs a plugin",
    )
    .help("write `age1…` as `age-keygen -y` prints it, or an ssh-ed25519 or ssh-rsa key");
    fault(RECIPIENT_UNUSABLE, finding)
}

/// Those that were named, else the default where it can be of use.
fn identity_files(is_sealed: bool, session: &Session<'_>) -> Vec<PathBuf> {
    let named = session.global.identity.clone();
    if !named.is_empty() || !is_sealed {
        return named;
    }
    let default = std::env::home_dir().map(|home| home.join(".config/meshwright/identity"));
    default.filter(|path| path.exists()).into_iter().collect()
}

/// Compiles a topology, and refuses a private key in it: every peer would be given it, and git.
pub(super) fn compile(source: Source, session: &Session<'_>) -> Result<Compilation, RuleGap> {
    let mut compilation = pipeline::compile(source)?;
    refuse_published(&mut compilation, session);
    Ok(compilation)
}

/// Reports the private keys that a topology contains where public ones belong.
pub(super) fn refuse_published(compilation: &mut Compilation, session: &Session<'_>) {
    let Some(topology) = &compilation.topology else { return };
    let store = Store::new(session.secrets_dir(), None, Identities::default());
    let published = published(topology, &store);
    if !published.is_empty() {
        let located = published.into_iter().map(|found| compilation.document.locate(found));
        compilation.report.extend(located);
        compilation.plan = None;
    }
}

/// Prints faults of the store at their places in the topology.
pub(super) fn report_faults(
    document: &Document,
    faults: Vec<Diagnostic>,
    session: &mut Session<'_>,
) -> Result<(), Failure> {
    let report = document.report(faults, 0);
    debug_assert!(report.count(Severity::Error) > 0, "faults are errors");
    session.report(&report)?;
    Ok(())
}
