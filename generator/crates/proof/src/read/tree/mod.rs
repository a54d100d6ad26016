//! The tree as a whole: which reader reads which file.

mod folder;
mod ingress;
mod layout;

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, PoisonError};

use self::folder::Folder;
use self::layout::Layout;
use super::Unread;
use super::calico::{Bgp, Felix, Installation, Pool};
use super::haproxy::Haproxy;
use super::hosts::Host;
use super::ingress::Entry;
use super::kube_proxy::KubeProxy;
use super::kubeadm::Kubeadm;
use super::nftables::{self, Ruleset};
use super::node_json::NodeJson;
use super::routes::Route;
use super::unit::Setting;
use super::wg_quick::{Conf, Endpoints};
use crate::files::{Error, Files};
use crate::finding::{Code, Finding};
use crate::parallel;
use crate::span::{At, File, Paths};
use meshwright_value::manifest::{self, Digest, MANIFEST};

/// Something that was read from one file.
#[derive(Debug)]
pub struct FromFile<T> {
    /// The file.
    pub file: File,
    /// What it says.
    pub said: T,
}

/// Everything that a tree says.
#[derive(Debug)]
pub struct Emitted {
    /// WireGuard's interface.
    pub interface: String,
    /// The nodes, by name.
    pub nodes: Vec<Node>,
    /// The clients, by name.
    pub clients: Vec<Client>,
    /// `guards.routes`
    pub guards: FromFile<Vec<Route>>,
    /// `installation.yaml`
    pub installation: FromFile<Installation>,
    /// `ip-pools.yaml`, where it is needed.
    pub further_pools: Option<FromFile<Vec<Pool>>>,
    /// `bgp.yaml`
    pub bgp: FromFile<Bgp>,
    /// `felix.yaml`
    pub felix: FromFile<Felix>,
    /// `ipam.yaml`
    pub strict_affinity: FromFile<At<bool>>,
    /// `kube-proxy.patch.yaml`
    pub kube_proxy: FromFile<KubeProxy>,
    /// `meshwright-firewall.service`
    pub firewall_unit: FromFile<Vec<Setting>>,
    /// Whether `meshwright-node` hands the private key to `wg syncconf`.
    pub script_keeps_key: FromFile<bool>,
    /// `hosts`
    pub hosts: FromFile<Vec<Host>>,
    /// `haproxy.cfg`, where there are several control planes.
    pub haproxy: Option<FromFile<Haproxy>>,
    /// The way in from the Internet.
    pub entry: Entry,
}

impl Emitted {
    /// All pools, with their files.
    pub fn pools(&self) -> impl Iterator<Item = (&Pool, File)> {
        let first = self.installation.said.pools.iter();
        let first = first.map(|pool| (pool, self.installation.file));
        let further = self.further_pools.iter();
        let further =
            further.flat_map(|pools| pools.said.iter().map(move |pool| (pool, pools.file)));
        first.chain(further)
    }

    /// The interfaces of nodes, then of clients.
    pub fn confs(&self) -> impl Iterator<Item = &Conf> {
        let nodes = self.nodes.iter().map(|node| &node.conf.said);
        nodes.chain(self.clients.iter().map(|client| &client.conf.said))
    }
}

/// The files of one node.
#[derive(Debug)]
pub struct Node {
    /// The name of its folder.
    pub name: String,
    /// `wg0.conf`
    pub conf: FromFile<Conf>,
    /// `wg0.endpoints`
    pub endpoints: Option<FromFile<Endpoints>>,
    /// `wg0.routes`
    pub routes: FromFile<Vec<Route>>,
    /// `nftables.conf`; nodes whose rules are the same share them.
    pub firewall: FromFile<Arc<Ruleset>>,
    /// `kubeadm.yaml`
    pub kubeadm: FromFile<Kubeadm>,
    /// `node.json`
    pub json: FromFile<NodeJson>,
    /// The address that kubelet listens on.
    pub kubelet: FromFile<At<Ipv4Addr>>,
    /// The address that the API server listens on, where there is one.
    pub api_server: Option<FromFile<At<Ipv4Addr>>>,
}

/// The file of one client.
#[derive(Debug)]
pub struct Client {
    /// The name of its folder.
    pub name: String,
    /// `wg0.conf`
    pub conf: FromFile<Conf>,
}

/// What came of reading a tree.
#[derive(Debug)]
pub struct Reading {
    /// The paths of all files.
    pub paths: Paths,
    /// What they say, unless something that the proof needs could not be read.
    pub emitted: Option<Emitted>,
    /// What could not be read.
    pub findings: Vec<Finding>,
    /// Files whose bytes are not the manifest's.
    pub edited: Vec<File>,
}

/// Reads a tree.
///
/// # Errors
///
/// When the system refuses a file. What stands in the files is no error here but a finding.
pub fn read(files: &dyn Files) -> Result<Reading, Error> {
    let listed = files.paths()?;
    let layout = Layout::of(&listed);
    let paths = Paths::new([listed, layout.missing()].concat());
    let manifest = manifest(files, &paths);
    let reader = Reader {
        files,
        paths: &paths,
        manifest: manifest.as_ref().ok(),
        layout: &layout,
        rulesets: Mutex::default(),
    };
    let parts = layout.nodes.len() + layout.clients.len() + 1;
    let read = parallel::map(parts, |part| reader.part(part));
    let mut tree = Parts::default();
    for part in read {
        tree.take(part?);
    }
    if let Err(finding) = manifest {
        tree.findings.push(finding);
    }
    let Parts { nodes, clients, shared, mut findings, mut edited } = tree;
    let complete = nodes.len() == layout.nodes.len() && clients.len() == layout.clients.len();
    let interface = layout.interface;
    let emitted = shared.filter(|_| complete).map(|shared| shared.with(interface, nodes, clients));
    findings.sort();
    edited.sort_unstable();
    Ok(Reading { paths, emitted, findings, edited })
}

fn manifest(files: &dyn Files, paths: &Paths) -> Result<BTreeMap<String, Digest>, Finding> {
    let Some(file) = paths.find(MANIFEST) else { return Ok(BTreeMap::new()) };
    let bytes = files.read(MANIFEST).unwrap_or_default();
    manifest::parse(&bytes)
        .map_err(|reason| Finding::new(Code::NotUnderstood, file.whole(), reason))
}

/// What was read of one folder.
struct Part {
    said: Option<Said>,
    findings: Vec<Finding>,
    edited: Vec<File>,
}

enum Said {
    Node(Box<Node>),
    Client(Box<Client>),
    Shared(Box<Shared>),
}

struct Shared {
    guards: FromFile<Vec<Route>>,
    installation: FromFile<Installation>,
    further_pools: Option<FromFile<Vec<Pool>>>,
    bgp: FromFile<Bgp>,
    felix: FromFile<Felix>,
    strict_affinity: FromFile<At<bool>>,
    kube_proxy: FromFile<KubeProxy>,
    firewall_unit: FromFile<Vec<Setting>>,
    script_keeps_key: FromFile<bool>,
    hosts: FromFile<Vec<Host>>,
    haproxy: Option<FromFile<Haproxy>>,
    entry: Entry,
}

impl Shared {
    fn with(self, interface: String, nodes: Vec<Node>, clients: Vec<Client>) -> Emitted {
        Emitted {
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
            entry: self.entry,
        }
    }
}

#[derive(Default)]
struct Parts {
    nodes: Vec<Node>,
    clients: Vec<Client>,
    shared: Option<Shared>,
    findings: Vec<Finding>,
    edited: Vec<File>,
}

impl Parts {
    fn take(&mut self, part: Part) {
        self.findings.extend(part.findings);
        self.edited.extend(part.edited);
        match part.said {
            Some(Said::Node(node)) => self.nodes.push(*node),
            Some(Said::Client(client)) => self.clients.push(*client),
            Some(Said::Shared(shared)) => self.shared = Some(*shared),
            None => {}
        }
    }
}

struct Reader<'a> {
    files: &'a dyn Files,
    paths: &'a Paths,
    manifest: Option<&'a BTreeMap<String, Digest>>,
    layout: &'a Layout,
    /// By interface-independent text, so that what is alike is read once.
    rulesets: Mutex<BTreeMap<String, Arc<Ruleset>>>,
}

impl Reader<'_> {
    fn part(&self, part: usize) -> Result<Part, Error> {
        let Layout { nodes, clients, .. } = self.layout;
        let mut folder = Folder::new(self);
        let edited = folder.load(&self.folder_name(part))?;
        let said = match (nodes.get(part), clients.get(part.wrapping_sub(nodes.len()))) {
            (Some(node), _) => folder.node(node).map(|node| Said::Node(Box::new(node))),
            (None, Some(client)) => {
                folder.client(client).map(|client| Said::Client(Box::new(client)))
            }
            (None, None) => folder.shared().map(|shared| Said::Shared(Box::new(shared))),
        };
        Ok(Part { said, findings: folder.findings, edited })
    }

    fn folder_name(&self, part: usize) -> String {
        let Layout { nodes, clients, .. } = self.layout;
        if let Some(node) = nodes.get(part) {
            return format!("nodes/{node}");
        }
        clients.get(part - nodes.len()).map(|name| format!("clients/{name}")).unwrap_or_default()
    }

    fn ruleset(&self, text: &str) -> Result<Arc<Ruleset>, Unread> {
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

/// Comments name the node; the lines stay where they are.
fn without_comments(text: &str) -> String {
    let lines = text.split_inclusive('\n');
    lines.map(|line| if line.starts_with('#') { "\n" } else { line }).collect()
}
