//! The world: all machines of one topology, started from its emitted files.

use std::net::Ipv4Addr;
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, ensure};
use ipnet::Ipv4Net;

use crate::bird::{self, BgpSpeaker};
use crate::calico::CalicoSettings;
use crate::capture::Capture;
use crate::client::LabClient;
use crate::machine::LabMachine;
use crate::network::LabNetwork;
use crate::node::{self, LabNode, PRIVATE_PORTS, PublicAddresses};
use crate::probe::{answers_ping, eventually};
use crate::service::{self, LabService};
use crate::tree::LabTree;
use crate::underlay::{self, Underlay};

/// How long a check waits for an expected state.
pub const TIMEOUT: Duration = Duration::from_secs(30);

/// All that runs: the underlay, the nodes and the clients.
pub struct World {
    /// The files from which it was started.
    pub tree: LabTree,
    /// The network between the machines.
    pub underlay: Underlay,
    /// The nodes by id.
    pub nodes: Vec<LabNode>,
    /// The clients by id.
    pub clients: Vec<LabClient>,
    /// The networks behind machines of the mesh.
    pub networks: Vec<LabNetwork>,
    /// The Service that every node balances.
    pub service: LabService,
    /// The settings of the Calico objects.
    pub calico: CalicoSettings,
    /// How long a check waits for an expected state.
    pub timeout: Duration,
}

impl World {
    /// Starts everything. It does not wait for handshakes and BGP sessions: the checks do.
    ///
    /// # Errors
    ///
    /// When a machine cannot be started.
    pub fn bring_up(prefix: &str, tree: LabTree) -> Result<Self> {
        let calico = CalicoSettings::read(&tree)?;
        let mut underlay = Underlay::create(prefix, &underlay::HOST_SERVICES)?;
        let booting = tree.plan.nodes.iter().map(|node| node::boot(prefix, node, &mut underlay));
        let hosts = booting.collect::<Result<_>>()?;
        let nodes = start_nodes(hosts, &tree, &calico)?;
        let starting = tree
            .plan
            .clients
            .iter()
            .map(|client| LabClient::start(prefix, client, &tree, &mut underlay));
        let clients = starting.collect::<Result<Vec<_>>>()?;
        let behind = tree.plan.networks.iter().enumerate().map(|(number, network)| {
            LabNetwork::start(prefix, number, network, (&nodes, &clients), &mut underlay)
        });
        let networks = behind.collect::<Result<_>>()?;
        let service = create_service(&tree, &nodes);
        let timeout = TIMEOUT;
        let world = Self { tree, underlay, nodes, clients, networks, service, calico, timeout };
        world.nodes.iter().try_for_each(|node| world.start_network(node))?;
        Ok(world)
    }

    fn start_network(&self, node: &LabNode) -> Result<()> {
        service::masquerade_pods(&node.machine.namespace, &self.calico, &self.addresses())?;
        self.service.program(&node.machine.namespace)?;
        self.start_bird(node)
    }

    /// Starts BIRD, which replaces calico-node.
    ///
    /// # Errors
    ///
    /// When it does not start.
    pub fn start_bird(&self, node: &LabNode) -> Result<()> {
        self.speaker(node).start(&node.machine, &self.addresses_of_others(node))
    }

    /// A node's BGP speaker.
    #[must_use]
    pub fn speaker(&self, node: &LabNode) -> BgpSpeaker<'_> {
        BgpSpeaker {
            address: node.address,
            block: Some(node.block),
            calico: &self.calico,
            password: None,
            own_address_only: false,
        }
    }

    /// Waits until all BGP sessions are established.
    ///
    /// # Errors
    ///
    /// When one is not established in time.
    pub fn await_bgp(&self) -> Result<()> {
        let others = self.nodes.len() - 1;
        self.nodes.iter().try_for_each(|node| {
            bird::await_sessions(&node.machine, others, self.timeout)
                .with_context(|| node.machine.name.clone())
        })
    }

    /// Waits until handshakes and BGP sessions are complete, or have failed. Before that, a check that
    /// expects no answer would pass only because a handshake is missing.
    pub fn await_steady_state(&self) {
        let pairs = eventually(self.timeout, || {
            let silent =
                self.pairs().find(|(one, two)| !answers_ping(one.namespace(), two.address.into()));
            ensure!(silent.is_none(), "a node does not answer");
            Ok(())
        });
        let sessions = self.await_bgp();
        // The checks report missing pairs and sessions.
        drop((pairs, sessions));
    }

    /// The mesh addresses of all nodes.
    #[must_use]
    pub fn addresses(&self) -> Vec<Ipv4Addr> {
        self.nodes.iter().map(|node| node.address).collect()
    }

    /// The mesh addresses of all other nodes.
    #[must_use]
    pub fn addresses_of_others(&self, node: &LabNode) -> Vec<Ipv4Addr> {
        let others = self.nodes.iter().filter(|other| other.id != node.id);
        others.map(|other| other.address).collect()
    }

    /// Ordered pairs of different nodes.
    pub fn pairs(&self) -> impl Iterator<Item = (&LabNode, &LabNode)> {
        let pairs = self.nodes.iter().flat_map(|one| self.nodes.iter().map(move |two| (one, two)));
        pairs.filter(|(one, two)| one.id != two.id)
    }

    /// Nodes with public addresses.
    pub fn public_nodes(&self) -> impl Iterator<Item = (&LabNode, PublicAddresses)> {
        self.nodes.iter().filter_map(|node| Some((node, node.public?)))
    }

    /// A node.
    ///
    /// # Errors
    ///
    /// When no node has that name.
    pub fn node(&self, name: &str) -> Result<&LabNode> {
        let node = self.nodes.iter().find(|node| node.machine.name == name);
        node.with_context(|| format!("no node {name}"))
    }

    /// The TCP ports that nodes serve each other.
    #[must_use]
    pub fn private_ports(&self) -> Vec<u16> {
        [&PRIVATE_PORTS[..], &[self.ssh_port(), bird::PORT]].concat()
    }

    /// The port of sshd.
    #[must_use]
    pub fn ssh_port(&self) -> u16 {
        self.tree.plan.firewall.ssh_port.get()
    }

    /// Subnets whose addresses must never be in unencrypted packets: nodes, pods and Services.
    #[must_use]
    pub fn private_subnets(&self) -> Vec<Ipv4Net> {
        let network = &self.tree.plan.network;
        [network.node_subnet, network.pod_subnet, network.service_subnet]
            .map(|subnet| subnet.net())
            .to_vec()
    }

    /// Starts to capture the underlay.
    ///
    /// # Errors
    ///
    /// When the socket is refused.
    pub fn capture(&self) -> Result<Capture> {
        let listen_ports = self.tree.plan.nodes.iter().map(|node| node.listen_port.get());
        Capture::start(&self.underlay.internet, listen_ports.collect(), self.private_subnets())
    }
}

/// In parallel, as machines boot.
fn start_nodes(
    hosts: Vec<LabMachine>,
    tree: &LabTree,
    calico: &CalicoSettings,
) -> Result<Vec<LabNode>> {
    thread::scope(|scope| {
        let start =
            |(node, machine)| scope.spawn(move || LabNode::start(machine, node, tree, calico));
        let started: Vec<_> = tree.plan.nodes.iter().zip(hosts).map(start).collect();
        let joined = started.into_iter().map(|node| {
            node.join().map_err(|_| anyhow!("a thread panicked")).and_then(|node| node)
        });
        joined.collect()
    })
}

/// Services whose endpoints are the pods of the last two nodes. kubeadm assigns the app's address to no
/// Service.
fn create_service(tree: &LabTree, nodes: &[LabNode]) -> LabService {
    let network = &tree.plan.network;
    let nth = |number| Ipv4Addr::from(u32::from(network.service_subnet.network()) + number);
    // kubeadm gives cluster DNS the tenth address.
    let (address, dns) = (nth(100), nth(10));
    let endpoints = nodes.iter().rev().take(2).map(|node| node.pod.address).collect();
    LabService { address, dns, endpoints, pod_subnet: network.pod_subnet.net() }
}
