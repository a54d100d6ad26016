//! What `generate` says about the change from the output directory on disk to the new one: whom to deliver to, and
//! what a running cluster cannot change.

use std::collections::BTreeMap;
use std::path::Path;

use super::opened::not_accepted;
use meshwright_change::part::{ChangedPart, Part, PartChange, changed_parts};
use meshwright_change::refusals::{self, Refusal, RefusedValue};
use meshwright_change::tree::ComparedTree;
use meshwright_compiler::artifact::Tree as _;
use meshwright_compiler::catalogue;
use meshwright_compiler::diagnostic::{Diagnostic, Finding, Severity};
use meshwright_compiler::pipeline::Compilation;
use meshwright_compiler::render::Rendering;
use meshwright_compiler::route::Route;
use meshwright_compiler::topology::Topology;
use meshwright_proof::files::{OutputDirectory, TreeFiles as _};
use meshwright_value::manifest::MANIFEST;

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

    /// Whom to deliver to.
    pub(super) fn lines(&self) -> Vec<String> {
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
