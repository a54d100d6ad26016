//! The change from the output directory on disk to what the topology generates, as `generate` and the verbs that
//! edit the topology print it: whom to deliver to, and what a running cluster cannot change.

use std::collections::BTreeMap;
use std::path::Path;

use super::argument::quoted;
use super::failure::Failure;
use super::opened::not_accepted;
use super::session::Session;
use crate::edit::draft::Draft;
use meshwright_change::part::{ChangedPart, Part, PartChange, changed_parts};
use meshwright_change::refusals::{self, Refusal, RefusedValue};
use meshwright_change::tree::ComparedTree;
use meshwright_compiler::artifact::Tree as _;
use meshwright_compiler::catalogue;
use meshwright_compiler::diagnostic::{Diagnostic, Finding, Severity};
use meshwright_compiler::pipeline::Compilation;
use meshwright_compiler::render::Rendering;
use meshwright_compiler::route::Route;
use meshwright_compiler::source::Source;
use meshwright_compiler::topology::Topology;
use meshwright_compiler::topology::member::members;
use meshwright_proof::files::{OutputDirectory, TreeFiles as _};
use meshwright_value::manifest::MANIFEST;
use meshwright_value::{PublicKey, Sha256};

/// The most nodes of a tree that `generate` compares: the files of more would double its time.
const MOST_NODES: usize = 300;

/// The change from one tree to another.
#[derive(Default)]
pub(super) struct TreeChange {
    parts: Vec<ChangedPart>,
    refusals: Vec<Refusal>,
    /// The init node, which has the cluster's objects.
    init: String,
    /// Whether it applies them by itself.
    applies: bool,
}

impl TreeChange {
    /// Compares the output directory with what a topology generates. Members that have no public key yet get one
    /// that no machine has: which files change does not depend on its value. None as for [`Self::find`], or if the
    /// topology has another error.
    pub(super) fn of(
        compilation: &Compilation,
        session: &Session<'_>,
    ) -> Result<Option<Self>, Failure> {
        let Some(topology) = &compilation.topology else { return Ok(None) };
        if let Some(plan) = &compilation.plan {
            return Ok(Self::find(&session.out_dir(), &Rendering::new(plan), topology));
        }
        let keyless = members(topology).filter(|member| member.public_key.is_none());
        let places: Vec<_> = keyless.map(|member| member.origin.key("public_key")).collect();
        let assumed = with_placeholder_keys(compilation.document.source(), &places);
        let assumed = session.compile_text(assumed)?;
        let plan = assumed.plan.as_ref();
        Ok(plan.and_then(|plan| Self::find(&session.out_dir(), &Rendering::new(plan), topology)))
    }

    /// Compares the output directory with what will be written. None if there is no whole tree of this version, or
    /// if the trees are too large.
    pub(super) fn find(dir: &Path, rendering: &Rendering<'_>, topology: &Topology) -> Option<Self> {
        if topology.nodes.len() > MOST_NODES || !dir.join(MANIFEST).is_file() {
            return None;
        }
        let rendered: BTreeMap<_, _> = rendering.files().collect();
        if has_files(dir, &rendered) {
            return Some(Self::default());
        }
        let new = ComparedTree::read(&rendered, None).ok()?;
        let old = ComparedTree::read(&OutputDirectory(dir), Some(&new)).ok()?;
        let init = new.init()?.to_owned();
        let applies = new.node(&init)?.host.applies_manifests;
        let (parts, refusals) = (changed_parts(&old, &new), refusals::find(&old, &new));
        Some(Self { parts, refusals, init, applies })
    }

    /// Adds a warning for each value that a running cluster cannot change, at its place in the topology.
    pub(super) fn add_warnings(&self, compilation: &mut Compilation) {
        let Some(topology) = &compilation.topology else { return };
        let found: Vec<_> =
            self.refusals.iter().filter_map(|refusal| warning(refusal, topology)).collect();
        let all = found.len();
        let reported = not_accepted(found, topology);
        compilation.report.allowed += all - reported.len();
        let located = reported.into_iter().map(|found| compilation.document.locate(found));
        compilation.report.extend(located);
    }

    /// Whether a machine or an object of the cluster changes.
    pub(super) fn concerns_cluster(&self) -> bool {
        !self.deliveries().is_empty()
    }

    /// Whom to deliver to, in at most three lines.
    pub(super) fn summary(&self) -> Vec<String> {
        let deliveries = self.deliveries();
        match deliveries.is_empty() {
            true => vec!["no machine and no object of the cluster changes".to_owned()],
            false => deliveries,
        }
    }

    fn deliveries(&self) -> Vec<String> {
        let named = |wanted: PartChange| {
            self.parts.iter().filter_map(move |part| match &part.part {
                Part::Node(name) if part.change == wanted => Some(name.as_str()),
                _ => None,
            })
        };
        let changes_objects = self.parts.iter().any(|part| part.part == Part::Cluster);
        let mut nodes: Vec<_> = named(PartChange::Changed).map(str::to_owned).collect();
        if changes_objects {
            let how =
                if self.applies { "applies the cluster's objects" } else { "run apply.sh there" };
            nodes.retain(|name| *name != self.init);
            nodes.insert(0, format!("{} ({how})", self.init));
        }
        nodes.extend(named(PartChange::Added).map(|name| format!("{name} (new)")));
        let removed: Vec<_> = named(PartChange::Removed).collect();
        let clients = self.parts.iter().filter_map(|part| match &part.part {
            Part::Client(name) => Some(name.as_str()),
            _ => None,
        });
        let clients: Vec<_> = clients.collect();
        let listed = [
            ("first remove from the cluster", removed.join(", ")),
            ("deliver to", nodes.join(", ")),
            ("new files for the clients", clients.join(", ")),
        ];
        let lines = listed.into_iter().filter(|(_, names)| !names.is_empty());
        lines.map(|(what, names)| format!("{what}: {names}")).collect()
    }
}

/// A text in which each of these places has a public key that no machine has.
pub(super) fn with_placeholder_keys(source: &Source, places: &[Route]) -> Source {
    let mut draft = Draft::new(source);
    for place in places {
        let digest = Sha256::compute(place.to_string().as_bytes());
        draft.set(place, &quoted(PublicKey::new(*digest.as_bytes())));
    }
    draft.source().clone()
}

/// Whether the directory has these files, besides its manifest, and no other: then no network has to be built.
fn has_files(dir: &Path, rendered: &BTreeMap<String, Vec<u8>>) -> bool {
    let written = OutputDirectory(dir);
    let is_same = |(path, bytes): (&String, &Vec<u8>)| {
        written.read(path).is_ok_and(|on_disk| on_disk == *bytes)
    };
    let Ok(mut paths) = written.paths() else { return false };
    paths.retain(|path| path != MANIFEST);
    paths.len() == rendered.len() && rendered.iter().all(is_same)
}

fn warning(refusal: &Refusal, topology: &Topology) -> Option<Diagnostic> {
    let entry = catalogue::change::ENTRIES.iter().find(|entry| entry.code == refusal.code)?;
    let route = match &refusal.subject {
        RefusedValue::Single { name, key } => Route::root().key(*name).key(*key),
        RefusedValue::Node { name, key } => {
            let nodes = &topology.nodes;
            let position = nodes.iter().position(|node| node.name.as_str() == name)?;
            Route::root().key("nodes").index(position).key(*key)
        }
    };
    let mut finding = Finding::new(refusal.message.clone(), &route, "a running cluster keeps it");
    finding.help = Some(format!("on the machines: {}; instead: {}", refusal.effect, refusal.help));
    Some(Diagnostic { code: entry.code, severity: Severity::Warning, finding })
}
