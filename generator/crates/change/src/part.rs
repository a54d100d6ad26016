//! The parts of a tree that take over at their own time, and those that differ between two trees.

use std::collections::BTreeSet;

use serde::Serialize;

use crate::tree::ComparedTree;
use meshwright_value::{Os, Role};

/// A part of a tree that takes over as a whole.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// The files of one node, and those of `host/` on it: `apply` replaces them together.
    Node(String),
    /// The objects of the cluster: `apply.sh`.
    Cluster,
    /// The pods that run: a pod keeps the MTU of its interface until it is replaced.
    Pods,
    /// The file of one client.
    Client(String),
}

/// How a part differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum PartChange {
    /// The old tree does not have it.
    Added,
    /// The new tree does not have it.
    Removed,
    /// Both have it, with other bytes.
    Changed,
}

/// A part that differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangedPart {
    /// The part.
    pub part: Part,
    /// How it differs.
    pub change: PartChange,
    /// The paths that differ, sorted. Empty for pods, which have no files.
    pub files: Vec<String>,
}

impl ChangedPart {
    /// Whether it is a node with this name.
    #[must_use]
    pub fn is_node(&self, name: &str) -> bool {
        matches!(&self.part, Part::Node(own) if own == name)
    }
}

/// The parts that differ, in the order in which they usually take over: nodes that leave, the init node and the
/// cluster's objects, other control planes, workers, new nodes, pods, clients.
#[must_use]
pub fn changed_parts(old: &ComparedTree, new: &ComparedTree) -> Vec<ChangedPart> {
    let mut parts = Vec::new();
    for name in old.nodes().filter(|name| new.node(name).is_none()) {
        parts.push(node(old, new, name, PartChange::Removed));
    }
    let is_init = |name: &str| new.init() == Some(name);
    let is_kept = |name: &&str| old.node(name).is_some();
    let controls = |name: &&str| new.node(name).is_some_and(|node| node.role == Role::ControlPlane);
    let init = new.nodes().filter(|name| is_init(name));
    let control_planes = new.nodes().filter(|name| controls(name) && !is_init(name));
    let workers = new.nodes().filter(|name| !controls(name));
    let mut kept = init.chain(control_planes).chain(workers).filter(is_kept);
    let cluster = cluster(old, new);
    if let Some(init) = kept.next() {
        parts.extend(changed_node(old, new, init));
        parts.extend(cluster);
    }
    parts.extend(kept.filter_map(|name| changed_node(old, new, name)));
    for name in new.nodes().filter(|name| !is_kept(name)) {
        parts.push(node(old, new, name, PartChange::Added));
    }
    if pod_mtu(old) != pod_mtu(new) {
        parts.push(ChangedPart {
            part: Part::Pods,
            change: PartChange::Changed,
            files: Vec::new(),
        });
    }
    // A client that is removed has nothing to take over.
    parts.extend(new.clients().filter_map(|name| client(old, new, name)));
    parts
}

/// The MTU that new pods get, in bytes.
fn pod_mtu(tree: &ComparedTree) -> u16 {
    tree.facts.objects.pod_mtu
}

fn changed_node(old: &ComparedTree, new: &ComparedTree, name: &str) -> Option<ChangedPart> {
    let part = node(old, new, name, PartChange::Changed);
    (!part.files.is_empty()).then_some(part)
}

/// A node that runs reads its user-data no more, nor the other files of its first boot. NixOS builds the machine from
/// `node.json` instead of `host/`.
fn node(old: &ComparedTree, new: &ComparedTree, name: &str, change: PartChange) -> ChangedPart {
    let folder = format!("nodes/{name}/");
    let is_nixos = new.node(name).is_some_and(|node| node.host.os == Os::Nixos);
    let mut files = differing(old, new, &folder);
    let of_first_boot = format!("{folder}first-boot/");
    files.retain(|path| !path.ends_with("/user-data.yaml") && !path.starts_with(&of_first_boot));
    if change == PartChange::Changed && !is_nixos {
        files.extend(differing(old, new, "host/"));
        files.retain(|path| !path.starts_with("host/first-boot/"));
    }
    files.sort_unstable();
    ChangedPart { part: Part::Node(name.to_owned()), change, files }
}

/// The zone is imported at Cloudflare, and not applied to the cluster.
fn cluster(old: &ComparedTree, new: &ComparedTree) -> Option<ChangedPart> {
    let mut files = differing(old, new, "cluster/");
    files.retain(|path| !is_zone(path));
    let part = ChangedPart { part: Part::Cluster, change: PartChange::Changed, files };
    (!part.files.is_empty()).then_some(part)
}

/// Whether a file is a zone that a person imports.
pub(crate) fn is_zone(path: &str) -> bool {
    path.starts_with("cluster/cloudflared/") && path.ends_with(".zone")
}

fn client(old: &ComparedTree, new: &ComparedTree, name: &str) -> Option<ChangedPart> {
    let files = differing(old, new, &format!("clients/{name}/"));
    let is_known = old.clients().any(|client| client == name);
    let change = if is_known { PartChange::Changed } else { PartChange::Added };
    let part = ChangedPart { part: Part::Client(name.to_owned()), change, files };
    (!part.files.is_empty()).then_some(part)
}

/// The paths of a folder that differ, sorted.
fn differing(old: &ComparedTree, new: &ComparedTree, folder: &str) -> Vec<String> {
    let before: BTreeSet<_> = old.files_in(folder).collect();
    let after: BTreeSet<_> = new.files_in(folder).collect();
    let differing = before.symmetric_difference(&after).map(|(path, _)| *path);
    let paths: BTreeSet<_> = differing.collect();
    paths.into_iter().map(str::to_owned).collect()
}
