//! Proves all flows between all pairs of machines.

use std::collections::{BTreeMap, BTreeSet};

use rayon::prelude::*;

use crate::assumed;
use crate::assumption::Assumption;
use crate::cause::{self, FlowInstance};
use crate::facts::TreeFacts;
use crate::files::{TreeFiles, TreeReadError};
use crate::finding::{FindingCode, ProofFinding};
use crate::first_boot::{self, BootedTree, FirstBoots, OlderText};
use crate::fixed::{self, FixedFiles};
use crate::flows::{self, FlowCount};
use crate::ingress;
use crate::invariants;
use crate::model::{MachineId, Model};
use crate::objects;
use crate::pairs::{self, PairWalk};
use crate::read::tree::{self, EmittedTree, TreeReading};
use crate::relays;
use crate::span::{FileId, FileLine, TreePaths};
use crate::unjudged;
use meshwright_value::Mask;

/// The result of a proof.
#[derive(Debug)]
pub struct Proof {
    /// The paths of all files.
    pub paths: TreePaths,
    /// The network, unless it could not be read.
    pub model: Option<Model>,
    /// For each flow of [`flows::all`] how often it was proven, and how often it failed.
    pub counts: Vec<FlowCount>,
    /// The causes of failed flows, the most frequent cause first.
    pub failures: Vec<FlowFailure>,
    /// The path from the Internet.
    pub ingress: ingress::IngressProof,
    /// Faults that no packet shows.
    pub findings: Vec<ProofFinding>,
    /// Files whose bytes differ from the manifest.
    pub edited: Vec<FileId>,
    /// Properties that the proof relies on, and that no file of the tree shows.
    pub assumptions: Vec<Assumption>,
    /// What a user has added, and whose effect on the flows is not known: that it changes none is assumed.
    pub unjudged: Vec<Assumption>,
}

/// One cause, and the flows that fail because of it.
#[derive(Debug, Clone)]
pub struct FlowFailure {
    /// The cause.
    pub finding: ProofFinding,
    /// How many flows fail because of it.
    pub count: u64,
    /// The first of them, at most [`LISTED`].
    pub listed: Vec<FlowInstance<'static>>,
}

/// How many flows of one cause are listed.
pub const LISTED: usize = 2000;

impl Proof {
    /// Whether there is no fault.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.failures.is_empty() && self.causes().next().is_none()
    }

    /// Faults that no packet between two machines shows.
    pub fn causes(&self) -> impl Iterator<Item = &ProofFinding> {
        self.ingress.causes().chain(&self.findings)
    }

    /// How many flows between machines fail.
    #[must_use]
    pub fn total_failures(&self) -> u64 {
        self.failures.iter().map(|failure| failure.count).sum()
    }

    /// Whether a flow was proven between all machines that it applies to.
    fn is_proven(&self, name: &str) -> bool {
        let mut counts = flows::all().zip(&self.counts);
        counts.any(|(flow, count)| flow.name == name && count.failed == 0)
    }

    /// Each kind of flow that the tree has: its name, its description, and how often it was walked.
    pub fn counted_flows(&self) -> impl Iterator<Item = (&'static str, &'static str, FlowCount)> {
        let between = flows::all().zip(&self.counts);
        let between = between.map(|(flow, count)| (flow.name, flow.about, *count));
        let all = between.chain([(ingress::FLOW, ingress::ABOUT, self.ingress.count())]);
        all.filter(|(_, _, count)| count.proven + count.failed > 0)
    }

    /// How many ordered pairs of different nodes there are.
    #[must_use]
    pub fn pairs(&self) -> u64 {
        let nodes = self.model.as_ref().map_or(0, |model| model.nodes().count() as u64);
        nodes * nodes.saturating_sub(1)
    }

    /// The sum of all counts.
    #[must_use]
    pub fn total(&self) -> FlowCount {
        let entry = self.ingress.count();
        let counts = || self.counts.iter().chain([&entry]);
        let sum = |count: fn(&FlowCount) -> u64| counts().map(count).sum();
        FlowCount { proven: sum(|count| count.proven), failed: sum(|count| count.failed) }
    }
}

/// Reads a tree and proves every flow.
///
/// # Errors
///
/// When the operating system refuses a file.
pub fn prove(files: &dyn TreeFiles) -> Result<Proof, TreeReadError> {
    prove_with(files, None)
}

/// [`prove`], with the expected files of fixed families. Without them, the proof assumes these files.
///
/// # Errors
///
/// When the operating system refuses a file.
pub fn prove_with(
    files: &dyn TreeFiles,
    fixed: Option<&dyn FixedFiles>,
) -> Result<Proof, TreeReadError> {
    let mut proof = judge(files, fixed)?;
    hide_secrets(files, &mut proof);
    Ok(proof)
}

/// A tree as a network, without a proof.
#[derive(Debug)]
pub struct ReadTree {
    /// The paths of all files.
    pub paths: TreePaths,
    /// The network, or why it could not be read.
    pub model: Result<Model, Vec<ProofFinding>>,
}

/// Reads the network of a tree, and judges nothing. No [`FileId`] of it is one of `beside`.
///
/// # Errors
///
/// When the operating system refuses a file.
pub fn read_model(
    files: &dyn TreeFiles,
    beside: Option<&TreePaths>,
) -> Result<ReadTree, TreeReadError> {
    let reading = tree::read(files, beside.map_or(0, TreePaths::end))?;
    let model = match reading.emitted {
        Some(emitted) if reading.findings.is_empty() => Model::build(emitted),
        _ => Err(reading.findings),
    };
    Ok(ReadTree { paths: reading.paths, model })
}

/// A message may quote a line that contains a secret.
fn hide_secrets(files: &dyn TreeFiles, proof: &mut Proof) {
    let Proof { paths, failures, ingress, findings, unjudged, .. } = proof;
    let failures = failures.iter_mut().map(|failure| &mut failure.finding);
    let requests = ingress.requests.iter_mut().filter_map(|request| request.stopped.as_mut());
    let mut masks = BTreeMap::new();
    for finding in failures.chain(requests).chain(&mut ingress.findings).chain(findings) {
        let mask = masks.entry(finding.place.file).or_insert_with_key(|file| {
            let bytes = files.read(paths.path(*file)).unwrap_or_default();
            Mask::of(&String::from_utf8_lossy(&bytes))
        });
        finding.message = mask.hide(&finding.message);
    }
    for setting in unjudged {
        let bytes = files.read(paths.path(setting.place.file)).unwrap_or_default();
        setting.text = Mask::of(&String::from_utf8_lossy(&bytes)).hide(&setting.text);
    }
}

fn judge(files: &dyn TreeFiles, fixed: Option<&dyn FixedFiles>) -> Result<Proof, TreeReadError> {
    let mut reading = tree::read(files, 0)?;
    let mut proof = Proof {
        paths: std::mem::take(&mut reading.paths),
        model: None,
        counts: vec![FlowCount::default(); flows::all().count()],
        failures: Vec::new(),
        ingress: ingress::IngressProof::default(),
        findings: std::mem::take(&mut reading.findings),
        edited: std::mem::take(&mut reading.edited),
        assumptions: Vec::new(),
        unjudged: Vec::new(),
    };
    // The content of an unread file is unknown, so no flow can be judged.
    let emitted = reading.emitted.take().filter(|_| proof.findings.is_empty());
    proof.findings.append(&mut reading.unaccounted);
    let Some(emitted) = emitted else {
        return Ok(proof);
    };
    let accounted = account(files, &proof, &reading, &emitted, fixed)?;
    proof.unjudged = unjudged::of(&emitted);
    proof.assumptions.extend(accounted.assumptions);
    proof.findings.extend(accounted.findings);
    match Model::build(emitted).and_then(with_one_identity) {
        Ok(model) => {
            walk(&model, &mut proof);
            proof.ingress = ingress::prove(&model, |flow| proof.is_proven(flow));
            let failures = proof.failures.iter().map(|failure| &failure.finding);
            let blamed: Vec<_> =
                failures.chain(&proof.findings).map(|finding| finding.place).collect();
            proof.findings.extend(invariants::check(&model, &blamed));
            proof.findings.extend(relays::check(&model));
            proof.assumptions.extend(assumed::by(&model, &proof.paths));
            blame_once(&mut proof);
            proof.model = Some(model);
        }
        Err(findings) => proof.findings.extend(findings),
    }
    // A copy often differs because of a fault that is reported already.
    if proof.holds() {
        proof.findings.extend(accounted.copies);
    }
    if proof.holds() && !accounted.older.is_empty() {
        boot(files, fixed, &mut proof, &accounted.older)?;
    }
    Ok(proof)
}

/// Proves the tree as its hosts have it at their first boot, with the texts of user-data.
fn boot(
    files: &dyn TreeFiles,
    fixed: Option<&dyn FixedFiles>,
    proof: &mut Proof,
    older: &[OlderText],
) -> Result<(), TreeReadError> {
    let tree = BootedTree::new(files, &proof.paths, older);
    // In this tree, each text is the one of user-data.
    let booted = judge(&tree, fixed)?;
    let failures = booted.failures.iter().map(|failure| &failure.finding);
    let cause = failures.chain(booted.causes()).next();
    match cause.and_then(|cause| tree.finding(&booted.paths, cause)) {
        Some(finding) => proof.findings.push(finding),
        None => proof.assumptions.extend(older.iter().map(|text| text.assumption(&proof.paths))),
    }
    Ok(())
}

/// One line is blamed once for the same kind of fault. Of a failed flow and an invariant, the flow is
/// shown.
fn blame_once(proof: &mut Proof) {
    let failures = proof.failures.iter();
    let mut blamed: BTreeSet<_> =
        failures.map(|failure| (failure.finding.code, failure.finding.place)).collect();
    proof.findings.retain(|finding| {
        let is_new = blamed.insert((finding.code, finding.place));
        is_new || finding.place.line == 0
    });
}

/// The network, unless its subnets, or the keys, addresses or ports of its machines, contradict each
/// other.
fn with_one_identity(model: Model) -> Result<Model, Vec<ProofFinding>> {
    let mut findings = invariants::subnets::check(&model);
    findings.extend(invariants::identity::first(&model));
    if findings.is_empty() { Ok(model) } else { Err(findings) }
}

/// Files that are compared with others: first boots, and fixed families.
#[derive(Default)]
struct Accounted {
    findings: Vec<ProofFinding>,
    /// User-data and the table of the first boot that differ from the files of their node, and objects with other keys or values than this
    /// version emits.
    copies: Vec<ProofFinding>,
    older: Vec<OlderText>,
    assumptions: Vec<Assumption>,
}

/// The script that `export --manifests` names.
const EXECUTED: &str = "cluster/apply.sh";

fn account(
    files: &dyn TreeFiles,
    proof: &Proof,
    reading: &TreeReading,
    emitted: &EmittedTree,
    fixed: Option<&dyn FixedFiles>,
) -> Result<Accounted, TreeReadError> {
    let mut accounted = Accounted::default();
    let boots = FirstBoots {
        files,
        paths: &proof.paths,
        interface: &reading.interface,
        edited: reading.has_manifest.then_some(&proof.edited),
        missing: &reading.missing,
    };
    let shared = boots.shared()?;
    let checks = emitted.nodes.par_iter().map(|node| boots.check(node, &shared));
    for check in checks.collect::<Result<Vec<_>, _>>()? {
        accounted.copies.extend(check.findings);
        accounted.older.extend(check.older);
    }
    if !files.is_executable(EXECUTED)? {
        let place = proof.paths.find(EXECUTED).map(FileId::whole);
        let message = "it cannot be executed: an operator runs it from this folder".to_owned();
        let finding = |place| ProofFinding::new(FindingCode::FileDiffers, place, message);
        accounted.findings.extend(place.map(finding));
    }
    match (fixed, TreeFacts::from_tree(emitted)) {
        (Some(fixed), Some(facts)) => {
            let expected = fixed.expected(&facts);
            let compared = fixed::compare(&proof.paths, &facts, &reading.fixed, &expected);
            let is_copy =
                |one: &ProofFinding| first_boot::is_table(proof.paths.path(one.place.file));
            let (copies, others): (Vec<_>, Vec<_>) = compared.into_iter().partition(is_copy);
            accounted.copies.extend(copies);
            accounted.findings.extend(others);
            let differences = objects::compare(&proof.paths, &facts, &reading.objects, &expected);
            accounted.copies.extend(differences);
        }
        _ => {
            for texts in [&reading.fixed, &reading.objects] {
                let fixed = fixed::assumptions(&proof.paths, &reading.interface, texts);
                accounted.assumptions.extend(fixed);
            }
        }
    }
    Ok(accounted)
}

fn walk(model: &Model, proof: &mut Proof) {
    let machines: Vec<_> = model.ids().collect();
    let walked = machines.par_chunks(pairs::senders_of_part(machines.len())).map(|senders| {
        let mut senders_walk = SendersWalk::new(model);
        senders.iter().for_each(|from| senders_walk.row(*from));
        senders_walk
    });
    let mut causes = Causes::default();
    for part in walked.collect::<Vec<_>>() {
        for (sum, count) in proof.counts.iter_mut().zip(part.counts) {
            sum.proven += count.proven;
            sum.failed += count.failed;
        }
        causes.merge(part.causes);
    }
    let mut failures: Vec<_> = causes.0.into_values().collect();
    failures.sort_by_key(|failure| std::cmp::Reverse(failure.count));
    proof.failures = failures;
}

/// The flows of some senders.
struct SendersWalk<'model> {
    pairs: PairWalk<'model>,
    counts: Vec<FlowCount>,
    causes: Causes,
}

impl<'model> SendersWalk<'model> {
    fn new(model: &'model Model) -> Self {
        Self {
            pairs: PairWalk::new(model),
            counts: vec![FlowCount::default(); flows::all().count()],
            causes: Causes::default(),
        }
    }

    /// Proves the flows of one sender to all machines.
    fn row(&mut self, from: MachineId) {
        let Self { pairs, counts, causes } = self;
        let model = pairs.model();
        pairs.row(from, |walked| match walked.unexpected {
            None => counts[walked.number].proven += 1,
            Some(verdict) => {
                counts[walked.number].failed += 1;
                let instance = FlowInstance { flow: walked.flow, from, to: walked.to };
                causes.add(cause::of(model, &instance, verdict), 1, &[instance]);
            }
        });
    }
}

#[derive(Default)]
struct Causes(BTreeMap<(FindingCode, FileLine), FlowFailure>);

impl Causes {
    fn add(&mut self, finding: ProofFinding, count: u64, flows: &[FlowInstance<'static>]) {
        let key = (finding.code, finding.place);
        let none = FlowFailure { finding, count: 0, listed: Vec::new() };
        let failure = self.0.entry(key).or_insert(none);
        failure.count += count;
        let room = LISTED.saturating_sub(failure.listed.len());
        failure.listed.extend(flows.iter().take(room));
    }

    fn merge(&mut self, other: Self) {
        for FlowFailure { finding, count, listed } in other.0.into_values() {
            self.add(finding, count, &listed);
        }
    }
}
