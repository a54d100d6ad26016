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

use self::address_class::{Atom, Atoms};
use self::address_facts::Kind;
use self::builder::Drafts;
use self::firewall::Firewall;
use self::key_index::Book;
use self::link::Link;
use self::routing::{Advertised, Circumstances, Table};
use crate::finding::{Code, Finding};
use crate::parallel;
use crate::read::kube_proxy::Mode;
use crate::read::kubeadm::Cluster;
use crate::read::tree::{Emitted, Node};
use crate::read::wg_quick::Conf;
use crate::span::{At, File, Place};
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
    pub emitted: Emitted,
    /// Nodes by name, then clients by name.
    pub machines: Vec<Machine>,
    /// The address space.
    pub atoms: Atoms,
    /// Firewalls; nodes with the same rules share one.
    pub firewalls: Vec<Firewall>,
    /// The position of the init node's files.
    init: usize,
    /// What each atom is.
    kinds: Vec<Kind>,
    /// What BIRD tells all nodes.
    advertised: Vec<Advertised>,
}

/// A machine with an interface in the mesh.
#[derive(Debug)]
pub struct Machine {
    /// Its name.
    pub name: String,
    /// Its address in the mesh.
    pub address: Atom,
    /// The file of its interface.
    pub file: File,
    /// What becomes of each of its peers, in the order of its file.
    pub links: Vec<Link>,
    /// What only nodes have.
    pub node: Option<Host>,
    /// For each atom the position of the peer that it is sent to and accepted from.
    peer_of: Vec<u32>,
    routes: Table,
}

/// What only nodes have.
#[derive(Debug)]
pub struct Host {
    /// Whether it runs the control plane.
    pub control_plane: bool,
    /// Whether all others speak BGP with it.
    pub reflector: bool,
    /// Its pools, and so its pods.
    pub pools: Vec<(Ipv4Net, Place)>,
    /// One address for each atom of them.
    pub pods: Vec<Atom>,
    /// The position of its firewall.
    pub firewall: usize,
    /// The file of it.
    pub firewall_file: File,
    /// Its routes while BIRD has none.
    without_bird: Table,
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
    pub fn build(emitted: Emitted) -> Result<Self, Vec<Finding>> {
        let init = init(&emitted).map_err(|finding| vec![finding])?;
        let book = Book::of(&emitted);
        let atoms = Atoms::cut(address_facts::all_cuts(&emitted, init));
        let (firewalls, firewall_of) = builder::firewalls(&emitted, &atoms);
        let drafts = Drafts { emitted: &emitted, atoms: &atoms };
        let count = emitted.nodes.len() + emitted.clients.len();
        let advertised = drafts.advertised();
        let machines = parallel::map(count, |position| match emitted.nodes.get(position) {
            Some(node) => drafts.node(node, firewall_of[position], &advertised),
            None => drafts.client(position - emitted.nodes.len()),
        });
        let (machines, faults): (Vec<_>, Vec<_>) = machines.into_iter().partition(Result::is_ok);
        let faults: Vec<_> = faults.into_iter().filter_map(Result::err).collect();
        if !faults.is_empty() {
            return Err(faults);
        }
        let machines = machines.into_iter().filter_map(Result::ok).collect();
        let kinds = address_facts::of(&emitted, init, &atoms);
        let mut model = Self { emitted, machines, atoms, firewalls, init, kinds, advertised };
        let links = link::all(&model, &book);
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
    pub fn machine(&self, id: MachineId) -> &Machine {
        &self.machines[id.index()]
    }

    /// A machine by its name.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<MachineId> {
        self.ids().find(|id| self.machine(*id).name == name)
    }

    /// The configuration of its interface.
    #[must_use]
    pub fn conf(&self, id: MachineId) -> &Conf {
        let nodes = &self.emitted.nodes;
        match nodes.get(id.index()) {
            Some(node) => &node.conf.said,
            None => &self.emitted.clients[id.index() - nodes.len()].conf.said,
        }
    }

    /// The files of a node.
    #[must_use]
    pub fn files(&self, id: MachineId) -> Option<&Node> {
        self.emitted.nodes.get(id.index())
    }

    /// The routes of a node in other circumstances.
    #[must_use]
    pub fn routes_when(&self, id: MachineId, when: Circumstances) -> Option<Table> {
        let (node, host) = (self.files(id)?, self.machine(id).node.as_ref()?);
        let drafts = Drafts { emitted: &self.emitted, atoms: &self.atoms };
        let own = self.machine(id).address;
        let mut advertised = self.advertised.clone();
        advertised.retain(|block| block.next_hop != own);
        Some(drafts.sources(node, &host.pools, &advertised).table(when))
    }

    /// What the init node's `kubeadm.yaml` says of the cluster, and that file.
    #[must_use]
    pub fn cluster(&self) -> (&Cluster, File) {
        cluster(&self.emitted, self.init)
    }

    /// How kube-proxy works.
    #[must_use]
    pub fn proxy_mode(&self) -> At<Mode> {
        self.emitted.kube_proxy.said.mode
    }

    /// The address of a Service.
    #[must_use]
    pub fn service(&self) -> Atom {
        self.atoms.of(service(self.cluster().0.service_subnet.value))
    }

    /// An address on the Internet.
    #[must_use]
    pub fn internet(&self) -> Atom {
        self.atoms.of(INTERNET)
    }

    /// The node whose pods live in an atom.
    #[must_use]
    pub fn owner_of_pod(&self, atom: Atom) -> Option<MachineId> {
        let address = self.atoms.address(atom);
        self.nodes().find(|id| {
            let host = self.machine(*id).node.as_ref();
            host.is_some_and(|host| host.pools.iter().any(|(net, _)| net.contains(&address)))
        })
    }

    /// The machine that an address is of, or whose pods it is of.
    #[must_use]
    pub fn owner_of(&self, atom: Atom) -> Option<MachineId> {
        let host = self.ids().find(|id| self.machine(*id).address == atom);
        host.or_else(|| self.owner_of_pod(atom))
    }

    /// Whether an address is one that must never be seen outside: of the mesh, of pods, of Services.
    #[must_use]
    pub fn is_private(&self, atom: Atom) -> bool {
        self.kinds[atom.index()].private
    }

    /// Whether kube-proxy takes an address for a pod's.
    #[must_use]
    pub fn is_in_cluster_cidr(&self, atom: Atom) -> bool {
        self.kinds[atom.index()].in_cluster_cidr
    }

    /// Whether Calico masquerades what is sent from here to there (`natOutgoing`).
    #[must_use]
    pub fn masquerades(&self, source: Atom, destination: Atom) -> bool {
        let to = self.kinds[destination.index()];
        let spared = to.in_pool || to.node && self.emitted.felix.said.spares_nodes.value;
        self.kinds[source.index()].in_nat_pool && !spared
    }

    /// The line that makes kube-proxy, or Calico, masquerade.
    #[must_use]
    pub fn masquerade_place(&self, by_proxy: bool) -> Place {
        if by_proxy {
            let proxy = &self.emitted.kube_proxy;
            return proxy.file.line(proxy.said.cluster_cidr.line);
        }
        let felix = &self.emitted.felix;
        felix.file.line(felix.said.spares_nodes.line)
    }

    /// The MTU of a machine's interface.
    #[must_use]
    pub fn mtu(&self, id: MachineId) -> u16 {
        // Without a line, wg-quick takes the MTU of the way to the endpoints less 80.
        self.conf(id).mtu.map_or(ETHERNET - meshwright_value::WIREGUARD_OVERHEAD, |mtu| mtu.value)
    }

    /// The largest packet that passes between two machines over the Internet, as far as the tree
    /// says; none where the MTU was declared.
    #[must_use]
    pub fn underlay(&self, id: MachineId) -> Option<u16> {
        self.conf(id).underlay.map(|underlay| underlay.value)
    }
}

impl Machine {
    /// The peer that packets for an atom are sent to, and that they are accepted from.
    #[must_use]
    pub fn peer(&self, atom: Atom) -> Option<usize> {
        let peer = self.peer_of[atom.index()];
        (peer != NONE).then_some(peer as usize)
    }

    /// The route of an atom.
    #[must_use]
    pub fn route(&self, atom: Atom, bird: bool) -> routing::Taken {
        match &self.node {
            Some(host) if !bird => host.without_bird.route(atom),
            _ => self.routes.route(atom),
        }
    }

    /// Whether an atom is of its pods.
    #[must_use]
    pub fn has_pod(&self, atom: Atom) -> bool {
        self.node.as_ref().is_some_and(|host| host.pods.binary_search(&atom).is_ok())
    }
}

fn init(emitted: &Emitted) -> Result<usize, Finding> {
    let mut inits = emitted.nodes.iter().enumerate();
    let found = inits.find(|(_, node)| node.kubeadm.said.cluster.is_some());
    found.map(|(position, _)| position).ok_or_else(|| {
        let message = "no node founds the cluster: none has a ClusterConfiguration";
        Finding::new(Code::FileMissing, emitted.installation.file.whole(), message)
    })
}

fn cluster(emitted: &Emitted, init: usize) -> (&Cluster, File) {
    let kubeadm = &emitted.nodes[init].kubeadm;
    match &kubeadm.said.cluster {
        Some(cluster) => (cluster, kubeadm.file),
        None => unreachable!("the init node is the one that has it"),
    }
}

fn service(subnet: Ipv4Net) -> Ipv4Addr {
    Ipv4Addr::from(u32::from(subnet.network()).saturating_add(SERVICE)).min(subnet.broadcast())
}
