//! Reads a whole tree, each file with its reader.

mod copies;
mod facts;
mod folder;
mod ingress;
mod layout;
mod object_facts;

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, PoisonError};

use rayon::prelude::*;

pub(crate) use self::copies::{CopyDifference, HostDifference};
use self::copies::{HostTexts, NodeDifferences};
use self::folder::FolderReader;
use self::layout::TreeLayout;
use super::ParseError;
use super::calico::{BgpConf, EmittedPool, FelixConf, Installation};
use super::haproxy::HaproxyConf;
use super::hosts::HostsEntry;
use super::ingress::IngressFiles;
use super::kube_proxy::KubeProxyConf;
use super::kubeadm::KubeadmConf;
use super::nftables::{self, Ruleset};
use super::node_json::NodeJson;
use super::patches::KubeletConf;
use super::relay_list::ListedRelay;
use super::routes::EmittedRoute;
use super::unit::UnitSetting;
use super::user_settings::UserSetting;
use super::wg_quick::{WgConf, WgEndpoints};
use crate::facts::{ExternalSource, HostFacts, NodeEnv};
use crate::families::family;
use crate::files::{TreeFiles, TreeReadError};
use crate::finding::{FindingCode, ProofFinding};
use crate::fixed::FixedTexts;
use crate::span::{FileId, LineSpanned, TreePaths};
use meshwright_value::manifest::{self, MANIFEST};
use meshwright_value::{IngressController, Sha256, Version};

/// The content of one file.
#[derive(Debug, Clone)]
pub struct FromFile<T> {
    /// The file.
    pub file: FileId,
    /// The content.
    pub content: T,
}

/// The content of a tree.
#[derive(Debug, Clone)]
pub struct EmittedTree {
    /// WireGuard's interface.
    pub interface: String,
    /// The nodes, by name.
    pub nodes: Vec<EmittedNode>,
    /// The clients, by name.
    pub clients: Vec<EmittedClient>,
    /// `guards.routes`
    pub guards: FromFile<Vec<EmittedRoute>>,
    /// `installation.yaml`
    pub installation: FromFile<Installation>,
    /// `ip-pools.yaml`, if there is one.
    pub further_pools: Option<FromFile<Vec<EmittedPool>>>,
    /// `bgp.yaml`
    pub bgp: FromFile<BgpConf>,
    /// `felix.yaml`
    pub felix: FromFile<FelixConf>,
    /// `ipam.yaml`
    pub strict_affinity: FromFile<LineSpanned<bool>>,
    /// `kube-proxy.patch.yaml`
    pub kube_proxy: FromFile<KubeProxyConf>,
    /// `meshwright-firewall.service`
    pub firewall_unit: FromFile<Vec<UnitSetting>>,
    /// Whether `meshwright-node` gives the private key to `wg syncconf`.
    pub script_keeps_key: FromFile<bool>,
    /// `hosts`
    pub hosts: FromFile<Vec<HostsEntry>>,
    /// `haproxy.cfg`, if there are several control planes.
    pub haproxy: Option<FromFile<HaproxyConf>>,
    /// The files of the path from the Internet.
    pub ingress: IngressFiles,
    /// The external files that `apply.sh` names.
    pub sources: FromFile<Vec<ExternalSource>>,
    /// Whether there is the echo app.
    pub has_hello: bool,
    /// The Ingress controller, by its folder.
    pub controller: IngressController,
    /// The values that the user has added for its chart.
    pub user_values: Option<FromFile<Vec<UserSetting>>>,
    /// The manifests that the user has added.
    pub overlays: Vec<FromFile<Vec<UserSetting>>>,
}

impl EmittedTree {
    /// All pools, with their files.
    pub fn pools(&self) -> impl Iterator<Item = (&EmittedPool, FileId)> {
        let Self { installation, further_pools, .. } = self;
        let first = installation.content.pools.iter().map(|pool| (pool, installation.file));
        let further = further_pools
            .iter()
            .flat_map(|pools| pools.content.iter().map(move |pool| (pool, pools.file)));
        first.chain(further)
    }

    /// The interfaces of nodes, then of clients.
    pub fn confs(&self) -> impl Iterator<Item = &WgConf> {
        let nodes = self.nodes.iter().map(|node| &node.conf.content);
        nodes.chain(self.clients.iter().map(|client| &client.conf.content))
    }
}

/// The files of one node.
#[derive(Debug, Clone)]
pub struct EmittedNode {
    /// The name of its folder.
    pub name: String,
    /// Values that differ between two of its files.
    pub(crate) differences: NodeDifferences,
    /// `wg0.conf`
    pub conf: FromFile<WgConf>,
    /// `wg0.endpoints`
    pub endpoints: Option<FromFile<WgEndpoints>>,
    /// `wg0.relays`, if a pair of this node has several.
    pub relays: Option<FromFile<Vec<ListedRelay>>>,
    /// `wg0.routes`
    pub routes: FromFile<Vec<EmittedRoute>>,
    /// `nftables.conf`; nodes with the same rules share them.
    pub firewall: FromFile<Arc<Ruleset>>,
    /// `kubeadm.yaml`
    pub kubeadm: FromFile<KubeadmConf>,
    /// `node.json`
    pub json: FromFile<NodeJson>,
    /// The fields of `node.json` that files of fixed families repeat.
    pub host: FromFile<HostFacts>,
    /// `node.env`, as far as no other file states it.
    pub env: FromFile<NodeEnv>,
    /// `upgrade.yaml`: the version that the node is upgraded to.
    pub upgrade: FromFile<LineSpanned<Version>>,
    /// kubelet's patch.
    pub kubelet: FromFile<KubeletConf>,
    /// The address that the API server listens on, on control planes.
    pub api_server: Option<FromFile<LineSpanned<Ipv4Addr>>>,
}

/// The file of one client.
#[derive(Debug, Clone)]
pub struct EmittedClient {
    /// The name of its folder.
    pub name: String,
    /// Faults of its file alone.
    pub differences: Vec<ProofFinding>,
    /// `wg0.conf`
    pub conf: FromFile<WgConf>,
}

/// The result of reading a tree.
#[derive(Debug)]
pub(crate) struct TreeReading {
    /// The paths of all files.
    pub paths: TreePaths,
    /// Their content; none if a required file could not be read.
    pub emitted: Option<EmittedTree>,
    /// Faults of files that could not be read.
    pub findings: Vec<ProofFinding>,
    /// Files whose bytes differ from the manifest, or that it does not list.
    pub edited: Vec<FileId>,
    /// Files that are missing or that no program reads, and that no packet depends on.
    pub unaccounted: Vec<ProofFinding>,
    /// The files of fixed families.
    pub fixed: FixedTexts,
    /// The files of objects.
    pub objects: FixedTexts,
    /// The paths of files that do not exist, sorted.
    pub missing: Vec<String>,
    /// Whether the tree has a manifest.
    pub has_manifest: bool,
    /// The name of the interface.
    pub interface: String,
}

/// Reads a tree. Its files are numbered from `first`.
///
/// # Errors
///
/// When the operating system refuses a file. Faults in a file's content are findings.
pub(crate) fn read(files: &dyn TreeFiles, first: u32) -> Result<TreeReading, TreeReadError> {
    let listed = files.paths()?;
    let mut irregular = files.irregular()?;
    irregular.sort_unstable();
    let layout = TreeLayout::from_paths(&listed);
    let manifest = read_manifest(files, &layout);
    let recorded = manifest.iter().flat_map(|recorded| recorded.keys());
    let lost = recorded.filter(|path| !layout.contains(path)).cloned();
    let lost_manifest = files.needs_manifest() && !layout.contains(MANIFEST);
    let lost = lost.chain(lost_manifest.then(|| MANIFEST.to_owned()));
    let absent = layout.missing().into_iter().chain(lost).chain(irregular.iter().cloned());
    let mut missing: Vec<_> = absent.collect();
    missing.sort_unstable();
    missing.dedup();
    let mut all_paths = [listed, missing.clone(), irregular.clone()].concat();
    all_paths.sort_unstable();
    all_paths.dedup();
    let paths = TreePaths::numbered_from(first, all_paths);
    let reader = TreeReader {
        files,
        paths: &paths,
        manifest: manifest.as_ref().ok(),
        layout: &layout,
        host: HostTexts::read(files, &paths),
        rulesets: Mutex::default(),
    };
    let parts = layout.nodes.len() + layout.clients.len() + 1;
    let read = (0..parts).into_par_iter().map(|part| reader.part(part));
    let mut tree = FolderReadings::default();
    for part in read.collect::<Vec<_>>() {
        tree.take(part?);
    }
    if let (Err(reason), Some(file)) = (&manifest, paths.find(MANIFEST)) {
        let place = file.whole();
        tree.findings.push(ProofFinding::new(FindingCode::NotUnderstood, place, reason));
    }
    let FolderReadings { nodes, clients, shared, mut findings, mut edited, fixed, objects } = tree;
    let has_manifest = layout.contains(MANIFEST);
    findings.retain(|finding| !is_among(&irregular, paths.path(finding.place.file)));
    let unaccounted = Unaccounted { paths: &paths, layout: &layout, missing: &missing, irregular };
    let unaccounted = unaccounted.findings(&findings);
    let complete = nodes.len() == layout.nodes.len() && clients.len() == layout.clients.len();
    let interface = layout.interface;
    let emitted = shared
        .filter(|_| complete)
        .map(|shared| shared.into_tree(interface.clone(), nodes, clients));
    findings.sort();
    edited.sort_unstable();
    Ok(TreeReading {
        paths,
        emitted,
        findings,
        edited,
        unaccounted,
        fixed,
        objects,
        missing,
        has_manifest,
        interface,
    })
}

/// What a tree lacks, or has too much.
struct Unaccounted<'a> {
    paths: &'a TreePaths,
    layout: &'a TreeLayout,
    /// Sorted.
    missing: &'a [String],
    irregular: Vec<String>,
}

impl Unaccounted<'_> {
    /// Files that are missing and that no reader has reported, files of no family, and entries that are
    /// not files.
    fn findings(&self, reported: &[ProofFinding]) -> Vec<ProofFinding> {
        let mut reported: Vec<_> = reported.iter().map(|finding| finding.place.file).collect();
        reported.sort_unstable();
        let mut findings = Vec::new();
        for (file, path) in self.paths.iter() {
            if reported.binary_search(&file).is_err()
                && let Some((code, message)) = self.fault(path)
            {
                findings.push(ProofFinding::new(code, file.whole(), message));
            }
        }
        findings
    }

    fn fault(&self, path: &str) -> Option<(FindingCode, &'static str)> {
        let is_missing = self.missing.binary_search_by(|known| known.as_str().cmp(path)).is_ok();
        if is_among(&self.irregular, path) {
            let message = "this is a symlink or a device: it is not read";
            return Some((FindingCode::FileUnknown, message));
        }
        if is_missing {
            return Some((FindingCode::FileMissing, "the file is missing"));
        }
        let is_unknown = family(path, &self.layout.interface).is_none();
        let message = "no program of the cluster reads a file of this path";
        is_unknown.then_some((FindingCode::FileUnknown, message))
    }
}

fn is_among(paths: &[String], path: &str) -> bool {
    paths.iter().any(|known| known == path)
}

/// The files that the manifest lists, or why it is not understood.
fn read_manifest(
    files: &dyn TreeFiles,
    layout: &TreeLayout,
) -> Result<BTreeMap<String, Sha256>, String> {
    if !layout.contains(MANIFEST) {
        return Ok(BTreeMap::new());
    }
    manifest::parse(&files.read(MANIFEST).unwrap_or_default())
}

/// The result of reading one folder.
struct FolderReading {
    content: Option<FolderContent>,
    findings: Vec<ProofFinding>,
    edited: Vec<FileId>,
    fixed: FixedTexts,
    objects: FixedTexts,
}

enum FolderContent {
    Node(Box<EmittedNode>),
    Client(Box<EmittedClient>),
    Shared(Box<SharedFiles>),
}

struct SharedFiles {
    guards: FromFile<Vec<EmittedRoute>>,
    installation: FromFile<Installation>,
    further_pools: Option<FromFile<Vec<EmittedPool>>>,
    bgp: FromFile<BgpConf>,
    felix: FromFile<FelixConf>,
    strict_affinity: FromFile<LineSpanned<bool>>,
    kube_proxy: FromFile<KubeProxyConf>,
    firewall_unit: FromFile<Vec<UnitSetting>>,
    script_keeps_key: FromFile<bool>,
    hosts: FromFile<Vec<HostsEntry>>,
    haproxy: Option<FromFile<HaproxyConf>>,
    ingress: IngressFiles,
    sources: FromFile<Vec<ExternalSource>>,
    has_hello: bool,
    controller: IngressController,
    user_values: Option<FromFile<Vec<UserSetting>>>,
    overlays: Vec<FromFile<Vec<UserSetting>>>,
}

impl SharedFiles {
    fn into_tree(
        self,
        interface: String,
        nodes: Vec<EmittedNode>,
        clients: Vec<EmittedClient>,
    ) -> EmittedTree {
        EmittedTree {
            interface,
            nodes,
            clients,
            guards: self.guards,
            installation: self.installation,
            further_pools: self.further_pools,
            bgp: self.bgp,
            felix: self.felix,
            strict_affinity: self.strict_affinity,
            kube_proxy: self.kube_proxy,
            firewall_unit: self.firewall_unit,
            script_keeps_key: self.script_keeps_key,
            hosts: self.hosts,
            haproxy: self.haproxy,
            ingress: self.ingress,
            sources: self.sources,
            has_hello: self.has_hello,
            controller: self.controller,
            user_values: self.user_values,
            overlays: self.overlays,
        }
    }
}

#[derive(Default)]
struct FolderReadings {
    nodes: Vec<EmittedNode>,
    clients: Vec<EmittedClient>,
    shared: Option<SharedFiles>,
    findings: Vec<ProofFinding>,
    edited: Vec<FileId>,
    fixed: FixedTexts,
    objects: FixedTexts,
}

impl FolderReadings {
    fn take(&mut self, part: FolderReading) {
        self.findings.extend(part.findings);
        self.edited.extend(part.edited);
        self.fixed.extend(part.fixed);
        self.objects.extend(part.objects);
        match part.content {
            Some(FolderContent::Node(node)) => self.nodes.push(*node),
            Some(FolderContent::Client(client)) => self.clients.push(*client),
            Some(FolderContent::Shared(shared)) => self.shared = Some(*shared),
            None => {}
        }
    }
}

struct TreeReader<'a> {
    files: &'a dyn TreeFiles,
    paths: &'a TreePaths,
    manifest: Option<&'a BTreeMap<String, Sha256>>,
    layout: &'a TreeLayout,
    host: HostTexts,
    /// Rulesets by their text without comments, so that equal files are read once.
    rulesets: Mutex<BTreeMap<String, Arc<Ruleset>>>,
}

impl TreeReader<'_> {
    fn part(&self, part: usize) -> Result<FolderReading, TreeReadError> {
        let TreeLayout { nodes, clients, .. } = self.layout;
        let mut folder = FolderReader::new(self);
        let edited = folder.load(&self.folder_name(part))?;
        let content = match (nodes.get(part), clients.get(part.wrapping_sub(nodes.len()))) {
            (Some(node), _) => folder.node(node).map(|node| FolderContent::Node(Box::new(node))),
            (None, Some(client)) => {
                folder.client(client).map(|client| FolderContent::Client(Box::new(client)))
            }
            (None, None) => folder.shared().map(|shared| FolderContent::Shared(Box::new(shared))),
        };
        let FolderReader { findings, fixed, objects, .. } = folder;
        Ok(FolderReading { content, findings, edited, fixed, objects })
    }

    fn folder_name(&self, part: usize) -> String {
        let TreeLayout { nodes, clients, .. } = self.layout;
        if let Some(node) = nodes.get(part) {
            return format!("nodes/{node}");
        }
        clients.get(part - nodes.len()).map(|name| format!("clients/{name}")).unwrap_or_default()
    }

    fn ruleset(&self, text: &str) -> Result<Arc<Ruleset>, ParseError> {
        let key = without_comments(text);
        let shared = self.rulesets.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = shared.get(&key) {
            return Ok(Arc::clone(known));
        }
        drop(shared);
        let read = Arc::new(nftables::read(text, &self.layout.interface)?);
        let mut shared = self.rulesets.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(Arc::clone(shared.entry(key).or_insert(read)))
    }
}

/// Comments contain the node's name. Their lines are kept empty, so that line numbers stay equal.
fn without_comments(text: &str) -> String {
    let lines = text.split_inclusive('\n');
    lines.map(|line| if line.starts_with('#') { "\n" } else { line }).collect()
}
