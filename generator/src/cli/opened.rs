//! The input of verbs that need secrets: a topology without errors, its plan and the store.

use std::path::PathBuf;

use super::failure::Failure;
use super::keys::PUBLIC_KEY_MISSING;
use super::session::Session;
use crate::secrets::exposure;
use crate::secrets::fault::{RECIPIENT_UNUSABLE, fault};
use crate::secrets::requirements::{NO_CREDENTIAL, Requirements, StoreState, published_key_faults};
use crate::secrets::rotation;
use crate::secrets::seal::{Identities, Recipients};
use crate::secrets::store::Store;
use meshwright_compiler::check::Checked;
use meshwright_compiler::diagnostic::{Diagnostic, Finding, Report, Severity};
use meshwright_compiler::document::Document;
use meshwright_compiler::pipeline::Compilation;
use meshwright_compiler::plan::Plan;
use meshwright_compiler::route::Route;
use meshwright_compiler::topology::Topology;

/// A compiled topology with its store.
pub(super) struct Opened {
    document: Document,
    pub(super) topology: Topology,
    pub(super) plan: Checked<Plan>,
    pub(super) store: Store,
}

impl Opened {
    /// Compiles the topology and opens its store; `None` after reporting errors. A private key in the
    /// place of a public key is an error: it would be sent to every peer.
    pub(super) fn open(session: &mut Session<'_>) -> Result<Option<Self>, Failure> {
        let compilation = session.compile()?;
        let Compilation { document, report, topology, plan, .. } = compilation;
        let (Some(topology), Some(plan)) = (topology, plan) else {
            session.report(&report)?;
            return Ok(None);
        };
        let Some(store) = store(&topology, &document, session)? else { return Ok(None) };
        let faults = published_key_faults(&topology, &store);
        if !faults.is_empty() {
            return report_faults(&document, faults, session).map(|()| None);
        }
        Ok(Some(Self { document, topology, plan, store }))
    }

    /// Whether the store has all required secrets. Missing and malformed secrets are reported.
    pub(super) fn has_secrets(
        &self,
        required: Requirements<'_>,
        session: &mut Session<'_>,
    ) -> Result<bool, Failure> {
        let state = required.look_up(&self.topology, &self.store)?;
        let faults = state.faults(&self.store);
        if !faults.is_empty() {
            report_faults(&self.document, faults, session)?;
            return Ok(false);
        }
        let missing = self.missing(&state);
        if missing.is_empty() {
            return Ok(true);
        }
        session.print("secrets are missing:")?;
        session.print_list(&missing)?;
        let is_elsewhere = state.elsewhere().next().is_some();
        session.print(if is_elsewhere { ELSEWHERE } else { advice(&missing) })?;
        Ok(false)
    }

    /// The missing secrets. A private key that is not in the store is one of them.
    fn missing(&self, state: &StoreState<'_>) -> Vec<String> {
        let elsewhere = state.elsewhere().map(|key_pair| {
            let path = key_pair.path(&self.store);
            format!("{}: no private key in {}", key_pair.member, path.display())
        });
        elsewhere.chain(state.missing()).collect()
    }
}

const ELSEWHERE: &str = "copy the private key to that path, or delete `public_key` in the topology \
                         and run `meshwright keys`";

/// How to get the missing secrets.
pub(super) fn advice(missing: &[String]) -> &'static str {
    let lacks_tunnel = missing.iter().any(|line| line == NO_CREDENTIAL);
    match (lacks_tunnel, missing.len()) {
        (false, _) => "run `meshwright keys`",
        (true, 1) => "run `meshwright keys import tunnel FILE`",
        (true, _) => "run `meshwright keys`, then `meshwright keys import tunnel FILE`",
    }
}

/// A topology without errors other than missing public keys, which `keys` generates.
pub(super) struct KeylessTopology {
    pub(super) document: Document,
    /// The warnings.
    pub(super) report: Report,
    pub(super) topology: Topology,
    pub(super) plan: Option<Checked<Plan>>,
}

impl KeylessTopology {
    /// Accepts a compilation; `None` after reporting errors.
    pub(super) fn accept(
        compilation: Compilation,
        session: &mut Session<'_>,
    ) -> Result<Option<Self>, Failure> {
        let Compilation { document, mut report, topology, plan, .. } = compilation;
        report.diagnostics.retain(|found| found.code != PUBLIC_KEY_MISSING);
        let (Some(topology), 0) = (topology, report.count(Severity::Error)) else {
            session.report(&report)?;
            return Ok(None);
        };
        Ok(Some(Self { document, report, topology, plan }))
    }
}

/// Opens the store of a topology; `None` after reporting recipients that cannot be used.
pub(super) fn store(
    topology: &Topology,
    document: &Document,
    session: &mut Session<'_>,
) -> Result<Option<Store>, Failure> {
    let written = &topology.secrets.recipients;
    let recipients = match Recipients::new(written) {
        Ok(recipients) => recipients,
        Err(unusable) => {
            let faults =
                unusable.into_iter().map(|position| unusable_recipient(topology, position));
            return report_faults(document, faults.collect(), session).map(|()| None);
        }
    };
    let is_sealed = !written.is_empty();
    let identities = Identities::read(&identity_files(is_sealed, session))?;
    Ok(Some(Store::new(session.secrets_dir(), is_sealed.then_some(recipients), identities)))
}

/// The recipients of the store; none if it is not encrypted. Those that cannot be used were reported when it was opened.
pub(super) fn recipients(topology: &Topology) -> Option<Recipients> {
    let written = &topology.secrets.recipients;
    Recipients::new(written).ok().filter(|_| !written.is_empty())
}

/// The identities for a file that may be encrypted.
pub(super) fn identities(session: &Session<'_>) -> Result<Identities, Failure> {
    Ok(Identities::read(&identity_files(true, session))?)
}

fn unusable_recipient(topology: &Topology, position: usize) -> Diagnostic {
    let recipient = &topology.secrets.recipients[position];
    let route = Route::root().key("secrets").key("recipients").index(position);
    let finding = Finding::new(
        format!("`{recipient}` is not a usable recipient"),
        &route,
        "has a wrong checksum, or needs a plugin",
    )
    .help("write `age1…` as `age-keygen -y` prints it, or an ssh-ed25519 or ssh-rsa key");
    fault(RECIPIENT_UNUSABLE, finding)
}

/// The identity files from the command line, otherwise the default file if the store is encrypted.
fn identity_files(is_sealed: bool, session: &Session<'_>) -> Vec<PathBuf> {
    let named = session.global.identity.clone();
    if !named.is_empty() || !is_sealed {
        return named;
    }
    let default = std::env::home_dir().map(|home| home.join(".config/meshwright/identity"));
    default.filter(|path| path.exists()).into_iter().collect()
}

/// Compiles a topology and reports private keys in it: they would be sent to every peer and to git.
pub(super) fn compile(session: &Session<'_>) -> Result<Compilation, Failure> {
    let mut compilation = session.compile()?;
    refuse_published(&mut compilation, session);
    add_store_warnings(&mut compilation, session);
    Ok(compilation)
}

/// Adds a diagnostic for each private key in the place of a public key.
pub(super) fn refuse_published(compilation: &mut Compilation, session: &Session<'_>) {
    let Some(topology) = &compilation.topology else { return };
    let store = Store::new(session.secrets_dir(), None, Identities::default());
    let faults = published_key_faults(topology, &store);
    if !faults.is_empty() {
        let located = faults.into_iter().map(|found| compilation.document.locate(found));
        compilation.report.extend(located);
        compilation.plan = None;
    }
}

/// Adds the warnings about the files of the store. Users without access to the secrets use the topology,
/// too, so a store that cannot be read is not a fault here.
pub(super) fn add_store_warnings(compilation: &mut Compilation, session: &Session<'_>) {
    let Some(topology) = &compilation.topology else { return };
    let written = &topology.secrets.recipients;
    let Ok(recipients) = Recipients::new(written) else { return };
    let recipients = (!written.is_empty()).then_some(recipients);
    let store = Store::new(session.secrets_dir(), recipients, Identities::default());
    let mut found = exposure::warnings(&store).unwrap_or_default();
    found.extend(rotation::warnings(topology, &store));
    let all = found.len();
    let reported = not_accepted(found, topology);
    compilation.report.allowed += all - reported.len();
    let located = reported.into_iter().map(|found| compilation.document.locate(found));
    compilation.report.extend(located);
}

/// The warnings that no `[[lint.allow]]` accepts.
pub(super) fn not_accepted(mut warnings: Vec<Diagnostic>, topology: &Topology) -> Vec<Diagnostic> {
    let allow = &topology.lint.allow;
    warnings.retain(|found| !allow.iter().any(|one| one.code.as_str() == found.code));
    warnings
}

/// Prints faults of the store with their lines in the topology.
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
