//! The network that a tree describes: machines, who is whose peer, routes and firewalls, for every
//! atom of the address space.

pub mod address_class;
mod address_facts;
mod builder;
pub mod firewall;
mod key_index;
pub mod link;
pub mod packet;
pub mod routing;

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;
use rayon::prelude::*;

use self::address_class::{AddressClass, AddressClasses};
use self::address_facts::AddressFacts;
use self::builder::MachineBuilder;
use self::firewall::NodeFirewall;
use self::key_index::KeyIndex;
use self::link::Link;
use self::routing::{AdvertisedPool, RouteConditions, RouteTable};
use crate::finding::{FindingCode, ProofFinding};
use crate::read::kube_proxy::ProxyMode;
use crate::read::kubeadm::ClusterConf;
use crate::read::tree::{EmittedNode, EmittedTree};
use crate::read::wg_quick::WgConf;
use crate::span::{FileId, FileLine, LineSpanned};
use meshwright_value::provider;

/// A machine: its position in [`Model::machines`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct MachineId(u32);

impl MachineId {
    /// Its position.
    #[must_use]
    pub const fn index(self) -> usize {
        self.0 as usize
    }

    fn new(position: usize) -> Self {
        Self(u32::try_from(position).unwrap_or(u32::MAX))
    }
}

/// The network.
#[derive(Debug)]
pub struct Model {
    /// What it was made from.
    pub emitted: EmittedTree,
    /// Nodes by name, then clients by name.
    pub machines: Vec<MeshMachine>,
    /// The address space.
    pub classes: AddressClasses,
    /// Firewalls; nodes with the same rules share one.
    pub firewalls: Vec<NodeFirewall>,
    /// The position of the init node's files.
    init: usize,
    /// What each atom is.
    facts: Vec<AddressFacts>,
    /// What BIRD tells all nodes.
    advertised: Vec<AdvertisedPool>,
}

/// A machine with an interface in the mesh.
#[derive(Debug)]
pub struct MeshMachine {
    /// Its name.
    pub name: String,
    /// Its address in the mesh.
    pub address: AddressClass,
    /// The file of its interface.
    pub file: FileId,
    /// What becomes of each of its peers, in the order of its file.
    pub links: Vec<Link>,
    /// What only nodes have.
    pub node: Option<NodeFacts>,
    /// For each atom the position of the peer that it is sent to and accepted from.
    peer_of: Vec<u32>,
    routes: RouteTable,
}

/// What only nodes have.
#[derive(Debug)]
pub struct NodeFacts {
    /// Whether it runs the control plane.
    pub control_plane: bool,
    /// Whether all others speak BGP with it.
    pub reflector: bool,
    /// Its pools, and so its pods.
    pub pools: Vec<(Ipv4Net, FileLine)>,
    /// One address for each atom of them.
    pub pods: Vec<AddressClass>,
    /// The position of its firewall.
    pub firewall: usize,
    /// The file of it.
    pub firewall_file: FileId,
    /// Its routes while BIRD has none.
    without_bird: RouteTable,
}

const NONE: u32 = u32::MAX;

/// Any host outside: an address that is in no prefix of ours.
pub const INTERNET: Ipv4Addr = Ipv4Addr::new(1, 1, 1, 1);

/// In a ClusterIP's place: kubeadm gives this one to nobody.
const SERVICE: u32 = 100;

/// Linux, without a link of another size.
const ETHERNET: u16 = provider::ETHERNET_MTU;

impl Model {
    /// Makes the network from what was read.
    ///
    /// # Errors
    ///
    /// What keeps it from being one, such as a node without an address.
    pub fn build(emitted: EmittedTree) -> Result<Self, Vec<ProofFinding>> {
        let init = init(&emitted).map_err(|finding| vec![finding])?;
        let key_index = KeyIndex::from_tree(&emitted);
        let classes = AddressClasses::from_cuts(address_facts::all_cuts(&emitted, init));
        let (firewalls, firewall_of) = builder::firewalls(&emitted, &classes);
        let builder = MachineBuilder { emitted: &emitted, classes: &classes };
        let count = emitted.nodes.len() + emitted.clients.len();
        let advertised = builder.advertised();
        let built = (0..count).into_par_iter().map(|position| match emitted.nodes.get(position) {
            Some(node) => builder.node(node, firewall_of[position], &advertised),
            None => builder.client(position - emitted.nodes.len()),
        });
        let built: Vec<Result<_, _>> = built.collect();
        let mut machines = Vec::new();
        let mut findings = Vec::new();
        for result in built {
            match result {
                Ok(machine) => machines.push(machine),
                Err(finding) => findings.push(finding),
            }
        }
        if !findings.is_empty() {
            return Err(findings);
        }
        let facts = address_facts::for_classes(&emitted, init, &classes);
        let mut model = Self { emitted, machines, classes, firewalls, init, facts, advertised };
        let links = link::all(&model, &key_index);
        for (machine, links) in model.machines.iter_mut().zip(links) {
            machine.links = links;
        }
        Ok(model)
    }

    /// All machines.
    pub fn ids(&self) -> impl Iterator<Item = MachineId> + use<> {
        (0..self.machines.len()).map(MachineId::new)
    }

    /// All nodes.
    pub fn nodes(&self) -> impl Iterator<Item = MachineId> + use<> {
        (0..self.emitted.nodes.len()).map(MachineId::new)
    }

    /// All clients.
    pub fn clients(&self) -> impl Iterator<Item = MachineId> + use<> {
        (self.emitted.nodes.len()..self.machines.len()).map(MachineId::new)
    }

    /// Whether a machine is somebody's, and no node.
    #[must_use]
    pub fn is_client(&self, id: MachineId) -> bool {
        self.machine(id).node.is_none()
    }

    /// A machine.
    #[must_use]
    pub fn machine(&self, id: MachineId) -> &MeshMachine {
        &self.machines[id.index()]
    }

    /// A machine by its name.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<MachineId> {
        self.ids().find(|id| self.machine(*id).name == name)
    }

    /// The configuration of its interface.
    #[must_use]
    pub fn conf(&self, id: MachineId) -> &WgConf {
        let nodes = &self.emitted.nodes;
        match nodes.get(id.index()) {
            Some(node) => &node.conf.content,
            None => &self.emitted.clients[id.index() - nodes.len()].conf.content,
        }
    }

    /// The files of a node.
    #[must_use]
    pub fn files(&self, id: MachineId) -> Option<&EmittedNode> {
        self.emitted.nodes.get(id.index())
    }

    /// The routes of a node in other circumstances.
    #[must_use]
    pub fn routes_when(&self, id: MachineId, when: RouteConditions) -> Option<RouteTable> {
        let (node, host) = (self.files(id)?, self.machine(id).node.as_ref()?);
        let builder = MachineBuilder { emitted: &self.emitted, classes: &self.classes };
        let own = self.machine(id).address;
        let mut advertised = self.advertised.clone();
        advertised.retain(|block| block.next_hop != own);
        Some(builder.sources(node, &host.pools, &advertised).table(when))
    }

    /// What the init node's `kubeadm.yaml` says of the cluster, and that file.
    #[must_use]
    pub fn cluster(&self) -> (&ClusterConf, FileId) {
        cluster(&self.emitted, self.init)
    }

    /// How kube-proxy works.
    #[must_use]
    pub fn proxy_mode(&self) -> LineSpanned<ProxyMode> {
        self.emitted.kube_proxy.content.mode
    }

    /// The address of a Service.
    #[must_use]
    pub fn service(&self) -> AddressClass {
        self.classes.class_of(service(self.cluster().0.service_subnet.value))
    }

    /// An address on the Internet.
    #[must_use]
    pub fn internet(&self) -> AddressClass {
        self.classes.class_of(INTERNET)
    }

    /// The node whose pods live in an atom.
    #[must_use]
    pub fn owner_of_pod(&self, class: AddressClass) -> Option<MachineId> {
        let address = self.classes.address(class);
        self.nodes().find(|id| {
            let host = self.machine(*id).node.as_ref();
            host.is_some_and(|host| host.pools.iter().any(|(net, _)| net.contains(&address)))
        })
    }

    /// The machine that an address is of, or whose pods it is of.
    #[must_use]
    pub fn owner_of(&self, class: AddressClass) -> Option<MachineId> {
        let host = self.ids().find(|id| self.machine(*id).address == class);
        host.or_else(|| self.owner_of_pod(class))
    }

    /// Whether an address is one that must never be seen outside: of the mesh, of pods, of Services.
    #[must_use]
    pub fn is_private(&self, class: AddressClass) -> bool {
        self.facts[class.index()].private
    }

    /// Whether kube-proxy takes an address for a pod's.
    #[must_use]
    pub fn is_in_cluster_cidr(&self, class: AddressClass) -> bool {
        self.facts[class.index()].in_cluster_cidr
    }

    /// Whether Calico masquerades what is sent from here to there (`natOutgoing`).
    #[must_use]
    pub fn masquerades(&self, source: AddressClass, destination: AddressClass) -> bool {
        let to = self.facts[destination.index()];
        let spared = to.in_pool || to.node && self.emitted.felix.content.spares_nodes.value;
        self.facts[source.index()].in_nat_pool && !spared
    }

    /// The line that makes kube-proxy, or Calico, masquerade.
    #[must_use]
    pub fn masquerade_place(&self, by_proxy: bool) -> FileLine {
        if by_proxy {
            let proxy = &self.emitted.kube_proxy;
            return proxy.file.line(proxy.content.cluster_cidr.line);
        }
        let felix = &self.emitted.felix;
        felix.file.line(felix.content.spares_nodes.line)
    }

    /// The MTU of a machine's interface.
    #[must_use]
    pub fn mtu(&self, id: MachineId) -> u16 {
        // Without a line, wg-quick takes the MTU of the way to the endpoints less 80.
        self.conf(id).mtu.map_or(ETHERNET - meshwright_value::WIREGUARD_OVERHEAD, |mtu| mtu.value)
    }

    /// The MTU between a node and the Internet, in bytes. Unknown for clients.
    #[must_use]
    pub fn underlay_mtu(&self, id: MachineId) -> Option<u16> {
        self.files(id).map(|files| files.json.content.underlay_mtu)
    }
}

impl MeshMachine {
    /// The peer that packets for an atom are sent to, and that they are accepted from.
    #[must_use]
    pub fn peer(&self, class: AddressClass) -> Option<usize> {
        let peer = self.peer_of[class.index()];
        (peer != NONE).then_some(peer as usize)
    }

    /// The route of an atom.
    #[must_use]
    pub fn route(&self, class: AddressClass, bird: bool) -> routing::TakenRoute {
        match &self.node {
            Some(host) if !bird => host.without_bird.route(class),
            _ => self.routes.route(class),
        }
    }

    /// Whether an atom is of its pods.
    #[must_use]
    pub fn has_pod(&self, class: AddressClass) -> bool {
        self.node.as_ref().is_some_and(|host| host.pods.binary_search(&class).is_ok())
    }
}

fn init(emitted: &EmittedTree) -> Result<usize, ProofFinding> {
    let mut inits = emitted.nodes.iter().enumerate();
    let found = inits.find(|(_, node)| node.kubeadm.content.cluster.is_some());
    found.map(|(position, _)| position).ok_or_else(|| {
        let message = "no node founds the cluster: none has a ClusterConfiguration";
        ProofFinding::new(FindingCode::FileMissing, emitted.installation.file.whole(), message)
    })
}

fn cluster(emitted: &EmittedTree, init: usize) -> (&ClusterConf, FileId) {
    let kubeadm = &emitted.nodes[init].kubeadm;
    match &kubeadm.content.cluster {
        Some(cluster) => (cluster, kubeadm.file),
        None => unreachable!("the init node is the one that has it"),
    }
}

fn service(subnet: Ipv4Net) -> Ipv4Addr {
    Ipv4Addr::from(u32::from(subnet.network()).saturating_add(SERVICE)).min(subnet.broadcast())
}
