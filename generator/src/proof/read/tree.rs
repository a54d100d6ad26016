//! The tree as a whole: which reader reads which file.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::Unread;
use super::calico::{self, Bgp, Felix, Installation, Pool};
use super::kube_proxy::{self, KubeProxy};
use super::kubeadm::{self, Kubeadm};
use super::nftables::{self, Ruleset};
use super::node_json::{self, NodeJson};
use super::routes::{self, Route};
use super::unit::{self, Setting};
use super::wg_quick::{self, Conf, Endpoints};
use crate::out::{self, Digest};
use crate::proof::files::{Error, Files};
use crate::proof::finding::{Code, Finding};
use crate::proof::parallel;
use crate::proof::place::{At, File, Paths};

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
    let Some(file) = paths.find(out::MANIFEST) else { return Ok(BTreeMap::new()) };
    let bytes = files.read(out::MANIFEST).unwrap_or_default();
    out::parse_manifest(&bytes)
        .map_err(|reason| Finding::new(Code::NotUnderstood, file.whole(), reason))
}

/// Which folders a tree has.
struct Layout {
    interface: String,
    nodes: Vec<String>,
    clients: Vec<String>,
    /// The files of each folder, the others under an empty name.
    folders: BTreeMap<String, Vec<String>>,
}

const SHARED: [&str; 8] = [
    "host/guards.routes",
    "cluster/calico/installation.yaml",
    "cluster/calico/bgp.yaml",
    "cluster/calico/felix.yaml",
    "cluster/calico/ipam.yaml",
    "cluster/kube-proxy/kube-proxy.patch.yaml",
    "host/systemd/meshwright-firewall.service",
    "host/meshwright-node",
];
const FURTHER_POOLS: &str = "cluster/calico/ip-pools.yaml";

impl Layout {
    fn of(paths: &[String]) -> Self {
        let mut folders: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for path in paths {
            let folder = owner(path).unwrap_or_default().to_owned();
            folders.entry(folder).or_default().push(path.clone());
        }
        let named = |kind: &str| {
            let names = folders.keys().filter_map(|folder| folder.strip_prefix(kind));
            names.map(str::to_owned).collect::<Vec<_>>()
        };
        let (nodes, clients) = (named("nodes/"), named("clients/"));
        Self { interface: interface(paths), nodes, clients, folders }
    }

    /// What every tree has and this one has not.
    fn missing(&self) -> Vec<String> {
        let Self { interface, .. } = self;
        let nodes = self.nodes.iter().flat_map(|node| {
            let files = ["kubeadm.yaml", "nftables.conf", "node.json"].map(str::to_owned);
            let ours = ["conf", "routes"].map(|kind| format!("{interface}.{kind}"));
            files.into_iter().chain(ours).map(move |file| format!("nodes/{node}/{file}"))
        });
        let clients =
            self.clients.iter().map(|client| format!("clients/{client}/{interface}.conf"));
        let needed = nodes.chain(clients).chain(SHARED.map(str::to_owned));
        needed.filter(|path| !self.has(path)).collect()
    }

    fn has(&self, path: &str) -> bool {
        let folder = self.folders.get(owner(path).unwrap_or_default());
        folder.is_some_and(|files| files.iter().any(|file| file == path))
    }
}

/// `nodes/<node>` or `clients/<client>`
fn owner(path: &str) -> Option<&str> {
    let (kind, rest) = path.split_once('/')?;
    let (name, _) = rest.split_once('/')?;
    ["nodes", "clients"].contains(&kind).then(|| &path[..kind.len() + 1 + name.len()])
}

/// The interface is what `<interface>.routes` is named for.
fn interface(paths: &[String]) -> String {
    let routes = paths.iter().filter(|path| path.starts_with("nodes/"));
    let names = routes.filter_map(|path| path.strip_suffix(".routes")?.rsplit('/').next());
    names.min().unwrap_or("wg0").to_owned()
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
        let mut folder = Folder { reader: self, texts: BTreeMap::new(), findings: Vec::new() };
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

/// One folder that is being read.
struct Folder<'a> {
    reader: &'a Reader<'a>,
    texts: BTreeMap<File, String>,
    findings: Vec<Finding>,
}

/// Files that only people and other programs read.
fn is_read(path: &str) -> bool {
    !path.ends_with("/user-data.yaml")
}

impl Folder<'_> {
    /// Loads all files, and returns those that the manifest knows with other bytes.
    fn load(&mut self, name: &str) -> Result<Vec<File>, Error> {
        let mut edited = Vec::new();
        let Reader { files, paths, manifest, layout, .. } = self.reader;
        for path in layout.folders.get(name).into_iter().flatten() {
            let Some(file) = paths.find(path) else { continue };
            let bytes = files.read(path)?;
            let known = manifest.and_then(|manifest| manifest.get(path));
            if known.is_some_and(|digest| *digest != Digest::of(&bytes)) {
                edited.push(file);
            }
            if !is_read(path) {
                continue;
            }
            match String::from_utf8(bytes) {
                Ok(text) => drop(self.texts.insert(file, text)),
                Err(_) => self.finds(file, Unread { line: 0, message: "it is not UTF-8".into() }),
            }
        }
        Ok(edited)
    }

    fn finds(&mut self, file: File, unread: Unread) {
        let place = file.line(unread.line);
        self.findings.push(Finding::new(Code::NotUnderstood, place, unread.message));
    }

    /// Reads one file; what is wrong with it is noted.
    fn said<T, E: Into<Faults>>(
        &mut self,
        path: &str,
        read: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<FromFile<T>> {
        let file = self.reader.paths.find(path)?;
        let Some(text) = self.texts.remove(&file) else {
            let message = "the file is missing";
            self.findings.push(Finding::new(Code::FileMissing, file.whole(), message));
            return None;
        };
        match read(&text) {
            Ok(said) => Some(FromFile { file, said }),
            Err(faults) => {
                faults.into().0.into_iter().for_each(|fault| self.finds(file, fault));
                None
            }
        }
    }

    /// Reads a file that a tree need not have; the outer none is one that cannot be read.
    #[expect(clippy::option_option, reason = "missing and unreadable are two things")]
    fn may_say<T, E: Into<Faults>>(
        &mut self,
        path: &str,
        read: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<Option<FromFile<T>>> {
        if self.reader.layout.has(path) { self.said(path, read).map(Some) } else { Some(None) }
    }

    /// Every file is read before one that cannot be ends it, so that all are named.
    fn node(&mut self, name: &str) -> Option<Node> {
        let interface = self.reader.layout.interface.clone();
        let path = |file: &str| format!("nodes/{name}/{file}");
        let conf = self.said(&path(&format!("{interface}.conf")), wg_quick::read);
        let endpoints = path(&format!("{interface}.endpoints"));
        let endpoints = self.may_say(&endpoints, wg_quick::read_endpoints);
        let routes = path(&format!("{interface}.routes"));
        let routes = self.said(&routes, |text| routes::read(text, &interface));
        let reader = self.reader;
        let firewall = self.said(&path("nftables.conf"), |text| reader.ruleset(text));
        let kubeadm = self.said(&path("kubeadm.yaml"), kubeadm::read);
        let json = self.said(&path("node.json"), node_json::read);
        Some(Node {
            name: name.to_owned(),
            conf: conf?,
            endpoints: endpoints?,
            routes: routes?,
            firewall: firewall?,
            kubeadm: kubeadm?,
            json: json?,
        })
    }

    fn client(&mut self, name: &str) -> Option<Client> {
        let path = format!("clients/{name}/{}.conf", self.reader.layout.interface);
        let conf = self.said(&path, wg_quick::read)?;
        Some(Client { name: name.to_owned(), conf })
    }

    fn shared(&mut self) -> Option<Shared> {
        let interface = &self.reader.layout.interface;
        let [guards, installation, bgp, felix, ipam, kube_proxy, unit, script] = SHARED;
        let guards = self.said(guards, |text| routes::read(text, interface));
        let installation = self.said(installation, calico::read_installation);
        let further_pools = self.may_say(FURTHER_POOLS, calico::read_pools);
        let bgp = self.said(bgp, calico::read_bgp);
        let felix = self.said(felix, calico::read_felix);
        let strict_affinity = self.said(ipam, calico::read_strict_affinity);
        let kube_proxy = self.said(kube_proxy, kube_proxy::read_patch);
        let firewall_unit = self.said(unit, unit::read);
        let script_keeps_key = self.said(script, unit::hands_the_key_over);
        Some(Shared {
            guards: guards?,
            installation: installation?,
            further_pools: further_pools?,
            bgp: bgp?,
            felix: felix?,
            strict_affinity: strict_affinity?,
            kube_proxy: kube_proxy?,
            firewall_unit: firewall_unit?,
            script_keeps_key: script_keeps_key?,
        })
    }
}

/// What a reader says of a file that it cannot read.
struct Faults(Vec<Unread>);

impl From<Unread> for Faults {
    fn from(fault: Unread) -> Self {
        Self(vec![fault])
    }
}

impl From<Vec<Unread>> for Faults {
    fn from(faults: Vec<Unread>) -> Self {
        Self(faults)
    }
}
