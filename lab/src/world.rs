//! The world: every machine of one topology, up and running from its emitted files.

use std::net::Ipv4Addr;
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, ensure};
use ipnet::Ipv4Net;
use meshwright_compiler::plan;
use meshwright_value::provider;

use crate::bird::{self, BgpSpeaker};
use crate::calico::CalicoSettings;
use crate::capture::Capture;
use crate::client::LabClient;
use crate::machine::LabMachine;
use crate::node::{self, LabNode, PRIVATE_PORTS, PublicAddresses};
use crate::probe::{eventually, pings};
use crate::service::{self, LabService};
use crate::tree::LabTree;
use crate::underlay::Underlay;

/// How long something may take that ought to come.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Everything that runs.
pub struct World {
    /// What it was brought up from.
    pub tree: LabTree,
    /// The Internet.
    pub underlay: Underlay,
    /// The nodes by id.
    pub nodes: Vec<LabNode>,
    /// The clients by id.
    pub clients: Vec<LabClient>,
    /// The Service that every node knows.
    pub service: LabService,
    /// What the Calico objects say.
    pub calico: CalicoSettings,
    /// How long something may take that ought to come.
    pub patience: Duration,
}

impl World {
    /// Brings everything up. What the mesh itself needs is not waited for: that is for the checks.
    ///
    /// # Errors
    ///
    /// When a machine cannot be brought up.
    pub fn bring_up(prefix: &str, tree: LabTree) -> Result<Self> {
        let calico = CalicoSettings::read(&tree)?;
        let mut underlay = Underlay::lay(prefix, &metadata(&tree.plan))?;
        let hosts = tree.plan.nodes.iter().map(|node| node::boot(prefix, node, &mut underlay));
        let hosts = hosts.collect::<Result<_>>()?;
        let nodes = start_nodes(hosts, &tree, &calico)?;
        let clients = tree.plan.clients.iter();
        let clients = clients.map(|client| LabClient::start(prefix, client, &tree, &mut underlay));
        let clients = clients.collect::<Result<_>>()?;
        let service = service(&tree, &nodes);
        let patience = PATIENCE;
        let world = Self { tree, underlay, nodes, clients, service, calico, patience };
        world.nodes.iter().try_for_each(|node| world.start_network(node))?;
        Ok(world)
    }

    fn start_network(&self, node: &LabNode) -> Result<()> {
        service::masquerade_pods(&node.machine.namespace, &self.calico, &self.addresses())?;
        self.service.program(&node.machine.namespace)?;
        self.start_bird(node)
    }

    /// Starts the stand-in for calico-node.
    ///
    /// # Errors
    ///
    /// When it does not start.
    pub fn start_bird(&self, node: &LabNode) -> Result<()> {
        self.speaker(node).start(&node.machine, &self.addresses_beside(node))
    }

    /// A node's BGP speaker.
    #[must_use]
    pub fn speaker(&self, node: &LabNode) -> BgpSpeaker<'_> {
        BgpSpeaker { address: node.address, block: Some(node.block), calico: &self.calico }
    }

    /// Waits until every session is up and every block is routed by BGP.
    ///
    /// # Errors
    ///
    /// When that does not come.
    pub fn await_bgp(&self) -> Result<()> {
        let others = self.nodes.len() - 1;
        self.nodes.iter().try_for_each(|node| {
            bird::await_sessions(&node.machine, others, self.patience)
                .with_context(|| node.machine.name.clone())
        })
    }

    /// Waits until the mesh is what it will be, whole or broken: before that, what must not be reached
    /// is not reached for want of a handshake.
    pub fn settle(&self) {
        let pairs = eventually(self.patience, || {
            let silent =
                self.pairs().find(|(one, two)| !pings(one.namespace(), two.address.into()));
            ensure!(silent.is_none(), "somebody is silent");
            Ok(())
        });
        let sessions = self.await_bgp();
        // What is still missing is for the checks to find.
        drop((pairs, sessions));
    }

    /// The mesh addresses of all nodes.
    #[must_use]
    pub fn addresses(&self) -> Vec<Ipv4Addr> {
        self.nodes.iter().map(|node| node.address).collect()
    }

    /// The mesh addresses of all other nodes.
    #[must_use]
    pub fn addresses_beside(&self, node: &LabNode) -> Vec<Ipv4Addr> {
        let others = self.nodes.iter().filter(|other| other.id != node.id);
        others.map(|other| other.address).collect()
    }

    /// Ordered pairs of different nodes.
    pub fn pairs(&self) -> impl Iterator<Item = (&LabNode, &LabNode)> {
        let pairs = self.nodes.iter().flat_map(|one| self.nodes.iter().map(move |two| (one, two)));
        pairs.filter(|(one, two)| one.id != two.id)
    }

    /// Nodes that others can call.
    pub fn public_nodes(&self) -> impl Iterator<Item = (&LabNode, PublicAddresses)> {
        self.nodes.iter().filter_map(|node| Some((node, node.public?)))
    }

    /// A node.
    ///
    /// # Errors
    ///
    /// When there is none of that name.
    pub fn node(&self, name: &str) -> Result<&LabNode> {
        let node = self.nodes.iter().find(|node| node.machine.name == name);
        node.with_context(|| format!("no node {name}"))
    }

    /// The TCP ports that nodes serve each other.
    #[must_use]
    pub fn private_ports(&self) -> Vec<u16> {
        let ssh_port = self.tree.plan.firewall.ssh_port.get();
        [&PRIVATE_PORTS[..], &[ssh_port, bird::PORT]].concat()
    }

    /// The metadata services of a node's provider.
    #[must_use]
    pub fn metadata_of(&self, node: &LabNode) -> Vec<Ipv4Addr> {
        let planned = self.tree.plan.nodes.iter().find(|planned| planned.id.get() == node.id);
        let own = planned.map(|planned| planned.provider.metadata).unwrap_or_default();
        [own, &[provider::METADATA]].concat()
    }

    /// What must never be seen in clear: mesh, pod and service addresses.
    #[must_use]
    pub fn private_subnets(&self) -> Vec<Ipv4Net> {
        let network = &self.tree.plan.network;
        [network.node_subnet, network.pod_subnet, network.service_subnet]
            .map(|subnet| subnet.net())
            .to_vec()
    }

    /// Begins to capture the underlay.
    ///
    /// # Errors
    ///
    /// When the socket is refused.
    pub fn capture(&self) -> Result<Capture> {
        let listen_port = self.tree.plan.wireguard.listen_port.get();
        Capture::start(&self.underlay.internet, listen_port, self.private_subnets())
    }
}

/// All at once, as machines boot.
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

fn metadata(plan: &plan::Plan) -> Vec<Ipv4Addr> {
    let providers = plan.nodes.iter().flat_map(|node| node.provider.metadata);
    let mut metadata: Vec<_> = providers.copied().chain([provider::METADATA]).collect();
    metadata.sort_unstable();
    metadata.dedup();
    metadata
}

/// Endpoints are the pods of the two last nodes; the address is one that kubeadm gives nobody.
fn service(tree: &LabTree, nodes: &[LabNode]) -> LabService {
    let network = &tree.plan.network;
    let address = Ipv4Addr::from(u32::from(network.service_subnet.network()) + 100);
    let endpoints = nodes.iter().rev().take(2).map(|node| node.pod.address).collect();
    LabService { address, endpoints, pod_subnet: network.pod_subnet.net() }
}
