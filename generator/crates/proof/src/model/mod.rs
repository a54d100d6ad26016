//! The network that a tree describes: machines, links, routes and firewalls, for every address class.

pub mod address_class;
mod address_facts;
mod builder;
pub mod firewall;
mod key_index;
mod limits;
pub mod link;
pub mod packet;
pub(crate) mod pair_view;
mod path;
pub mod payload_set;
mod relays;
pub mod routed_network;
pub mod routing;
mod underlay;

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use ipnet::Ipv4Net;
use rayon::prelude::*;

use self::address_class::{AddressClass, AddressClasses};
use self::address_facts::AddressFacts;
use self::builder::{Firewalls, MachineBuilder};
use self::firewall::NodeFirewall;
use self::key_index::KeyIndex;
use self::link::Link;
pub use self::path::PairPath;
pub use self::relays::RelayedPair;
use self::routed_network::RoutedNetwork;
use self::routing::{AdvertisedPool, RouteConditions, RouteTable};
use crate::finding::{FindingCode, ProofFinding};
use crate::read::kube_proxy::ProxyMode;
use crate::read::kubeadm::ClusterConf;
use crate::read::tree::{EmittedClient, EmittedNode, EmittedTree};
use crate::read::wg_quick::WgConf;
use crate::space::Ranges;
use crate::span::{FileId, FileLine, LineSpanned};
use meshwright_value::{
    AddressFamily, Endpoint, Host, OpenPort, Port, Protocol, PublicKey, Reach, Subnet, provider,
};

/// Link-local addresses (RFC 3927): clouds answer their hosts there.
pub(crate) const LINK_LOCAL: Ipv4Net = Ipv4Net::new_assert(Ipv4Addr::new(169, 254, 0, 0), 16);

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
#[derive(Debug, Clone)]
pub struct Model {
    /// The content of the tree.
    pub emitted: EmittedTree,
    /// Nodes by name, then clients by name.
    pub machines: Vec<MeshMachine>,
    /// The address classes.
    pub classes: AddressClasses,
    /// Firewalls; nodes with the same rules share one.
    pub firewalls: Vec<NodeFirewall>,
    /// The networks behind machines of the mesh.
    pub networks: Vec<RoutedNetwork>,
    /// The position of the init node's files.
    init: usize,
    /// Facts about each class.
    facts: Vec<AddressFacts>,
    /// The routes that BIRD advertises.
    advertised: Vec<AdvertisedPool>,
    key_index: KeyIndex,
    /// The addresses of all machines, and all pools.
    owned: BTreeSet<Ipv4Net>,
    /// Keys of one machine that differ.
    pub(crate) key_findings: Vec<ProofFinding>,
    /// Whether two ends of a connection with other MTUs agree on the smaller one, as TCP's do by their MSS (RFC 9293,
    /// section 3.7.1). In one tree, all ends have the MTU of the mesh, and another one is a fault.
    pub(crate) agrees_on_size: bool,
    /// The machine that is off, in a network [`without`](Self::without) it.
    pub(crate) off: Option<MachineId>,
}

/// A machine with an interface in the mesh.
#[derive(Debug, Clone)]
pub struct MeshMachine {
    /// Its name.
    pub name: String,
    /// Its address in the mesh.
    pub address: AddressClass,
    /// The file of its interface.
    pub file: FileId,
    /// The link to each of its peers, in the order of its file.
    pub links: Vec<Link>,
    /// The part that only nodes have.
    pub node: Option<NodeFacts>,
    /// The part that only clients have that nodes and pods call.
    pub server: Option<ServerFacts>,
    /// For each class the position of the peer to which packets are sent and from which they are
    /// accepted.
    peer_of: Vec<u32>,
    routes: RouteTable,
}

/// The part of a machine that only nodes have.
#[derive(Debug, Clone)]
pub struct NodeFacts {
    /// Whether it runs the control plane.
    pub control_plane: bool,
    /// Whether it is a route reflector: all others have a BGP session with it.
    pub reflector: bool,
    /// Its pools, from which its pods have their addresses.
    pub pools: Vec<(Ipv4Net, FileLine)>,
    /// The classes of its pools.
    pub pods: Vec<AddressClass>,
    /// The position of its firewall.
    pub firewall: usize,
    /// The firewall's file.
    pub firewall_file: FileId,
    /// Its routes while BIRD has no routes.
    without_bird: RouteTable,
}

/// What nodes state about a client with an endpoint.
#[derive(Debug, Clone)]
pub struct ServerFacts {
    /// What it may reach.
    pub reach: Vec<Reach>,
    /// Where it is called.
    pub endpoints: Vec<Endpoint>,
    /// The position of the firewall with which it forwards to networks; none if it forwards nothing.
    pub forwarding: Option<usize>,
}

impl ServerFacts {
    /// Whether it is called at an endpoint. A router may translate the port of one address family, if the other
    /// endpoint has the port on which it listens. A machine without such a port has another finding.
    fn is_at(&self, endpoint: &Endpoint, listens: Option<u16>) -> bool {
        let has_port = |one: &Endpoint| listens.is_none() || one.port().map(Port::get) == listens;
        let is_translated =
            |other: &Endpoint| other.family() != endpoint.family() && has_port(other);
        self.endpoints.contains(endpoint)
            && (has_port(endpoint) || self.endpoints.iter().any(is_translated))
    }
}

const NONE: u32 = u32::MAX;

/// A host on the Internet: an address that is in no prefix of the mesh.
pub const INTERNET: Ipv4Addr = Ipv4Addr::new(1, 1, 1, 1);

/// The MTU that wg-quick assumes if there is no other.
const ETHERNET: u16 = provider::ETHERNET_MTU;

impl Model {
    /// Builds the network from the content of a tree.
    ///
    /// # Errors
    ///
    /// Faults without which no network can be built, such as a node without an address.
    pub fn build(emitted: EmittedTree) -> Result<Self, Vec<ProofFinding>> {
        let (key_index, key_findings) = KeyIndex::from_tree(&emitted);
        Self::with_keys(emitted, key_index, key_findings)
    }

    /// Builds the network of machines that have files of different trees. `keys` has the key that each machine
    /// loads, nodes first: files of other trees state other keys for it.
    ///
    /// # Errors
    ///
    /// As for [`Self::build`].
    pub fn build_mixed(
        emitted: EmittedTree,
        keys: Vec<Option<PublicKey>>,
    ) -> Result<Self, Vec<ProofFinding>> {
        let model = Self::with_keys(emitted, KeyIndex::of_machines(keys), Vec::new())?;
        Ok(Self { agrees_on_size: true, ..model })
    }

    fn with_keys(
        emitted: EmittedTree,
        key_index: KeyIndex,
        key_findings: Vec<ProofFinding>,
    ) -> Result<Self, Vec<ProofFinding>> {
        let init = init_position(&emitted).map_err(|finding| vec![finding])?;
        let classes = AddressClasses::from_cuts(address_facts::all_cuts(&emitted, init));
        let services = cluster(&emitted, init).0.service_subnet.value;
        limits::subnets(&emitted, services, &classes)?;
        let Firewalls { firewalls, of_nodes, of_clients } = builder::firewalls(&emitted, &classes)?;
        let builder = MachineBuilder { emitted: &emitted, classes: &classes };
        let count = emitted.nodes.len() + emitted.clients.len();
        let advertised = builder.advertised();
        let built = (0..count).into_par_iter().map(|position| match emitted.nodes.get(position) {
            Some(node) => builder.node(node, of_nodes[position], &advertised),
            None => {
                let position = position - emitted.nodes.len();
                builder.client(position, of_clients[position])
            }
        });
        let mut machines = Vec::new();
        let mut findings = Vec::new();
        for result in built.collect::<Vec<_>>() {
            match result {
                Ok(machine) => machines.push(machine),
                Err(finding) => findings.push(finding),
            }
        }
        if !findings.is_empty() {
            return Err(findings);
        }
        let facts = address_facts::for_classes(&emitted, init, &classes);
        let hosts = machines.iter().map(|machine| classes.address(machine.address).into());
        let owned = hosts.chain(emitted.pools().map(|(pool, _)| pool.cidr.value)).collect();
        let mut model = Self {
            emitted,
            machines,
            classes,
            firewalls,
            networks: Vec::new(),
            init,
            facts,
            advertised,
            key_index,
            owned,
            key_findings,
            agrees_on_size: false,
            off: None,
        };
        model.networks = model.stated_networks();
        let links = link::all(&model);
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

    /// Whether a machine is a client.
    #[must_use]
    pub fn is_client(&self, id: MachineId) -> bool {
        self.machine(id).node.is_none()
    }

    /// Whether a machine is a client that nodes and pods call.
    #[must_use]
    pub fn is_server(&self, id: MachineId) -> bool {
        self.machine(id).server.is_some()
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

    /// The port of a node's sshd.
    #[must_use]
    pub fn ssh_port(&self, id: MachineId) -> u16 {
        self.files(id).map_or(22, |files| files.json.content.ssh_port)
    }

    /// Whether other nodes may reach sshd of a node through the mesh.
    #[must_use]
    pub fn opens_ssh_to_nodes(&self, id: MachineId) -> bool {
        self.files(id).is_some_and(|files| files.json.content.ssh_from_nodes)
    }

    /// Whether pods may reach sshd of a node.
    #[must_use]
    pub fn opens_ssh_to_pods(&self, id: MachineId) -> bool {
        let ssh = self.ssh_port(id);
        let opens = |port: &OpenPort| {
            port.protocol() == Protocol::Tcp
                && (port.first().get()..=port.last().get()).contains(&ssh)
        };
        self.files(id).is_some_and(|files| files.json.content.pod_ports.iter().any(opens))
    }

    /// The file of a client.
    pub(crate) fn client_files(&self, id: MachineId) -> &EmittedClient {
        &self.emitted.clients[id.index() - self.emitted.nodes.len()]
    }

    /// The routes of a node under other conditions.
    #[must_use]
    pub fn routes_when(&self, id: MachineId, when: RouteConditions) -> Option<RouteTable> {
        let (node, host) = (self.files(id)?, self.machine(id).node.as_ref()?);
        let builder = MachineBuilder { emitted: &self.emitted, classes: &self.classes };
        let own = self.machine(id).address;
        let mut advertised = self.advertised.clone();
        advertised.retain(|block| block.next_hop != own);
        Some(builder.sources(node, &host.pools, &advertised).table(when))
    }

    /// The cluster's settings in the init node's `kubeadm.yaml`, and that file.
    #[must_use]
    pub fn cluster(&self) -> (&ClusterConf, FileId) {
        cluster(&self.emitted, self.init)
    }

    /// kube-proxy's mode.
    #[must_use]
    pub fn proxy_mode(&self) -> LineSpanned<ProxyMode> {
        self.emitted.kube_proxy.content.mode
    }

    /// All addresses that Services can have.
    pub fn services(&self) -> impl Iterator<Item = AddressClass> + use<> {
        self.classes.within(self.cluster().0.service_subnet.value)
    }

    /// An address on the Internet.
    #[must_use]
    pub fn internet(&self) -> AddressClass {
        self.classes.class_of(INTERNET)
    }

    /// All addresses on the Internet, [`Self::internet`] first.
    pub fn public_classes(&self) -> impl Iterator<Item = AddressClass> {
        let internet = self.internet();
        let is_other =
            move |class: &AddressClass| self.facts[class.index()].public && *class != internet;
        std::iter::once(internet).chain(self.classes.iter().filter(is_other))
    }

    /// The addresses that a machine can call from, if it is not called itself: those of the Internet,
    /// and private ones if a file has a private endpoint.
    pub(crate) fn callers(&self) -> Ranges {
        let endpoints = self.ids().flat_map(|id| &self.conf(id).peers);
        let endpoints = endpoints.filter_map(|peer| peer.endpoint.as_ref());
        let mut hosts = endpoints.map(|endpoint| endpoint.value.host());
        let private = |host: &Host| matches!(host, Host::V4(address) if address.is_private());
        if hosts.any(private) {
            // No router forwards packets of link-local addresses (RFC 3927, 7).
            let link_local = Ranges::from(LINK_LOCAL);
            let others: Ranges = self.ours().iter().chain(link_local.iter()).collect();
            return others.complement(u32::MAX.into());
        }
        let first = |class: AddressClass| u128::from(u32::from(self.classes.address(class)));
        let next = self.classes.iter().map(first).skip(1).chain([1 << 32]);
        let each = self.classes.iter().zip(next);
        let public = each.filter(|(class, _)| self.facts[class.index()].public);
        public.map(|(class, next)| (first(class), next - 1)).collect()
    }

    /// The node whose pods have the addresses of a class.
    #[must_use]
    pub fn owner_of_pod(&self, class: AddressClass) -> Option<MachineId> {
        let address = self.classes.address(class);
        self.nodes().find(|id| {
            let host = self.machine(*id).node.as_ref();
            host.is_some_and(|host| host.pools.iter().any(|(net, _)| net.contains(&address)))
        })
    }

    /// The machine that has an address itself or for a pod.
    #[must_use]
    pub fn owner_of(&self, class: AddressClass) -> Option<MachineId> {
        let host = self.ids().find(|id| self.machine(*id).address == class);
        host.or_else(|| self.owner_of_pod(class))
    }

    /// The addresses of the mesh, of pods and of Services. They are not addresses of the public side.
    pub(crate) fn ours(&self) -> Ranges {
        let (cluster, _) = self.cluster();
        let addresses = self.emitted.nodes.iter().filter_map(|node| node.conf.content.address);
        let mesh = addresses.map(|address| address.value.trunc());
        let nets = mesh.chain([cluster.pod_subnet.value, cluster.service_subnet.value]);
        nets.flat_map(|net| Ranges::from(net).iter().collect::<Vec<_>>()).collect()
    }

    /// Whether an address belongs to the mesh, to pods or to Services: packets with it must not leave
    /// the mesh unencrypted.
    #[must_use]
    pub fn is_private(&self, class: AddressClass) -> bool {
        self.facts[class.index()].private
    }

    /// Whether kube-proxy treats an address as that of a pod.
    #[must_use]
    pub fn is_in_cluster_cidr(&self, class: AddressClass) -> bool {
        self.facts[class.index()].in_cluster_cidr
    }

    /// Whether Calico masquerades packets from one class to another (`natOutgoing`).
    #[must_use]
    pub fn masquerades(&self, source: AddressClass, destination: AddressClass) -> bool {
        let to = self.facts[destination.index()];
        let spared = to.in_pool || to.node && self.emitted.felix.content.spares_nodes.value;
        self.facts[source.index()].in_nat_pool && !spared
    }

    /// The services of clouds for their hosts that are not addresses of the cluster.
    pub(crate) fn host_services(&self) -> impl Iterator<Item = Ipv4Net> + use<> {
        let (cluster, _) = self.cluster();
        let (pods, services) = (cluster.pod_subnet.value, cluster.service_subnet.value);
        // A node without an address has a finding of its own.
        let address = self.emitted.nodes[self.init].conf.content.address;
        let nodes = address.map_or(pods, |address| address.value.trunc());
        let own = [nodes, pods, services].map(Subnet::new);
        provider::host_services(own).map(|service| service.net())
    }

    /// The line that makes kube-proxy or Calico masquerade.
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
        let configured = self.conf(id).mtu.map(|mtu| mtu.value);
        // A node without a line has a finding of its own.
        let stated = self.files(id).map(|files| files.json.content.mtu.value);
        // Without a line, wg-quick takes the MTU of the route to the endpoints minus 80.
        configured.or(stated).unwrap_or(ETHERNET - meshwright_value::WIREGUARD_OVERHEAD)
    }

    /// Whether a prefix is the address of one machine, or one pool.
    pub(crate) fn is_owned(&self, net: Ipv4Net) -> bool {
        self.owned.contains(&net)
    }

    /// The key of a machine, if a file states it.
    #[must_use]
    pub fn key(&self, id: MachineId) -> Option<PublicKey> {
        self.key_index.key(id)
    }

    /// The machine that has a key.
    pub(crate) fn owner_of_key(&self, key: &PublicKey) -> Option<MachineId> {
        self.key_index.owner(key)
    }

    /// The network in which `caller` finds `called` at an endpoint: that of their common site, or the Internet.
    /// None if the endpoint is not one of `called`.
    pub(crate) fn network_of(
        &self,
        endpoint: &Endpoint,
        caller: MachineId,
        called: MachineId,
    ) -> Option<UnderlayNetwork> {
        if let Some(server) = &self.machine(called).server {
            let listens = self.conf(called).listen_port.map(|port| port.value);
            return server.is_at(endpoint, listens).then_some(UnderlayNetwork::Internet);
        }
        let called = self.files(called).map(|files| &files.json.content)?;
        let site = self.files(caller).and_then(|files| files.json.content.site.as_ref());
        let is_neighbour = site.is_some() && site == called.site.as_ref();
        let is_at = |place: &LineSpanned<Endpoint>| {
            let port = place.value.port().map_or(called.listen_port.value, Port::get);
            place.value.host() == endpoint.host() && endpoint.port().map(Port::get) == Some(port)
        };
        let in_site = called.lan_endpoint.as_ref().filter(|lan| is_neighbour && is_at(lan));
        let in_internet = called.public_endpoints().find(|public| is_at(public));
        let site = in_site.map(|_| UnderlayNetwork::Site);
        site.or(in_internet.map(|_| UnderlayNetwork::Internet))
    }

    /// Whether a machine that states only IPv6 addresses calls IPv4, although the called machine states both. Where
    /// the other states IPv4 only, both have some address to call from, which no file states.
    pub(crate) fn lacks_family(
        &self,
        endpoint: &Endpoint,
        caller: MachineId,
        called: MachineId,
    ) -> bool {
        let json = |id| self.files(id).map(|files| &files.json.content);
        let (Some(caller), Some(called)) = (json(caller), json(called)) else { return false };
        let mut own = caller.public_endpoints().map(|own| own.value.family()).peekable();
        let is_called_in_lan =
            called.lan_endpoint.as_ref().is_some_and(|lan| lan.value.host() == endpoint.host());
        endpoint.family() == Some(AddressFamily::V4)
            && called.ipv6_endpoint.is_some()
            && !is_called_in_lan
            && own.peek().is_some()
            && own.all(|family| family == Some(AddressFamily::V6))
    }

    /// The endpoint of a machine's peer, by its position, and its line: `Endpoint`, or the line of
    /// `wg0.endpoints` for a peer without one.
    pub(crate) fn endpoint(&self, id: MachineId, peer: usize) -> Option<(&Endpoint, FileLine)> {
        let peer = self.conf(id).peers.get(peer)?;
        if let Some(endpoint) = &peer.endpoint {
            return Some((&endpoint.value, self.machine(id).file.line(endpoint.line)));
        }
        let named = self.files(id)?.endpoints.as_ref()?;
        let key = peer.public_key.value;
        let (_, endpoint) = named.content.iter().find(|(known, _)| *known == key)?;
        Some((&endpoint.value, named.file.line(endpoint.line)))
    }

    /// The MTU between a node and the Internet, in bytes. Unknown for clients.
    #[must_use]
    pub fn underlay_mtu(&self, id: MachineId) -> Option<u16> {
        self.network_mtu(id, UnderlayNetwork::Internet)
    }

    /// The MTU of a node in a network below the mesh, in bytes. Unknown for clients.
    #[must_use]
    pub(crate) fn network_mtu(&self, id: MachineId, network: UnderlayNetwork) -> Option<u16> {
        let json = &self.files(id)?.json.content;
        match network {
            UnderlayNetwork::Internet => Some(json.underlay_mtu),
            UnderlayNetwork::Site => json.site_mtu.map(|mtu| mtu.value),
        }
    }
}

/// A network below the mesh in which one machine calls another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum UnderlayNetwork {
    /// By a public endpoint.
    Internet,
    /// By an endpoint in the LAN of their site.
    Site,
}

impl MeshMachine {
    /// The peer to which packets for a class are sent, and from which they are accepted.
    #[must_use]
    pub fn peer(&self, class: AddressClass) -> Option<usize> {
        let peer = self.peer_of[class.index()];
        (peer != NONE).then_some(peer as usize)
    }

    /// The route to a class.
    #[must_use]
    pub fn route(&self, class: AddressClass, bird: bool) -> routing::TakenRoute {
        match &self.node {
            Some(host) if !bird => host.without_bird.route(class),
            _ => self.routes.route(class),
        }
    }

    /// The position of its firewall, and the file with it.
    #[must_use]
    pub fn firewall(&self) -> Option<(usize, FileId)> {
        match (&self.node, &self.server) {
            (Some(host), _) => Some((host.firewall, host.firewall_file)),
            (None, Some(server)) => Some((server.forwarding?, self.file)),
            (None, None) => None,
        }
    }

    /// Whether a class belongs to its pods.
    #[must_use]
    pub fn has_pod(&self, class: AddressClass) -> bool {
        self.node.as_ref().is_some_and(|host| host.pods.binary_search(&class).is_ok())
    }
}

fn init_position(emitted: &EmittedTree) -> Result<usize, ProofFinding> {
    let mut inits = emitted.nodes.iter().enumerate();
    let found = inits.find(|(_, node)| node.kubeadm.content.cluster.is_some());
    found.map(|(position, _)| position).ok_or_else(|| {
        let message = "no node initialises the cluster: no kubeadm.yaml has a ClusterConfiguration";
        ProofFinding::new(FindingCode::FileMissing, emitted.installation.file.whole(), message)
    })
}

fn cluster(emitted: &EmittedTree, init: usize) -> (&ClusterConf, FileId) {
    let kubeadm = &emitted.nodes[init].kubeadm;
    match &kubeadm.content.cluster {
        Some(cluster) => (cluster, kubeadm.file),
        None => unreachable!("the init node is the one with a ClusterConfiguration"),
    }
}
