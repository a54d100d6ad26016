//! The properties of two nodes that the walk between them compares, without names, files and lines. The
//! walk cannot distinguish two pairs of nodes with equal views, so it decides about both in the same way.
//!
//! A view is read from the files of both nodes of each pair: one different value in one of them is another
//! view, and this pair is walked.

use super::address_class::AddressClass;
use super::link::{Link, LinkTunnel};
use super::{MachineId, Model};

/// The most machines of a pair: both nodes and their relays. A pair with more has no view.
const MOST_MACHINES: usize = 4;

/// Reads views, and reuses the memory of the last one.
#[derive(Debug)]
pub(crate) struct PairViews<'model> {
    model: &'model Model,
    /// The addresses of Services, and one of the Internet.
    common: Vec<AddressClass>,
    /// Both nodes, and every machine to which they send packets of this pair.
    machines: Vec<MachineId>,
    /// Every address that packets between the two nodes can have.
    addresses: Vec<AddressClass>,
    /// For each machine the positions of the peers that take part, in the order in which they are met.
    /// The walk only compares whether two positions are equal.
    peers: [Vec<usize>; MOST_MACHINES],
    view: Vec<u32>,
}

impl<'model> PairViews<'model> {
    pub(crate) fn new(model: &'model Model) -> Self {
        Self {
            model,
            common: model.services().chain([model.internet()]).collect(),
            machines: Vec::new(),
            addresses: Vec::new(),
            peers: Default::default(),
            view: Vec::new(),
        }
    }

    /// The view of a pair; none if the pair has to be walked.
    pub(crate) fn read(&mut self, from: MachineId, to: MachineId) -> Option<&[u32]> {
        let is_pair_of_nodes = from != to && [from, to].iter().all(|id| !self.model.is_client(*id));
        if !is_pair_of_nodes || !self.find_machines(from, to) {
            return None;
        }
        self.view.clear();
        self.peers.iter_mut().for_each(Vec::clear);
        self.view_of_addresses();
        for position in 0..self.machines.len() {
            self.view_of_machine(position)?;
        }
        Some(&self.view)
    }

    /// Finds all machines and addresses that packets between two nodes can meet.
    fn find_machines(&mut self, from: MachineId, to: MachineId) -> bool {
        let hosts = [from, to].map(|id| self.model.machine(id));
        self.machines.clear();
        self.machines.extend([from, to]);
        self.addresses.clear();
        self.addresses.extend(&self.common);
        for host in hosts {
            self.addresses.push(host.address);
            self.addresses.extend(host.node.iter().flat_map(|node| &node.pods));
        }
        // A relay has an address too, to which each machine may send.
        loop {
            let found = self.machines.len();
            for position in 0..found {
                if !self.find_receivers(self.machines[position]) {
                    return false;
                }
            }
            if self.machines.len() == found {
                return true;
            }
        }
    }

    /// Finds the machines to which one machine sends packets of the pair. False if a link is down, a client
    /// receives packets, or there are too many machines.
    fn find_receivers(&mut self, id: MachineId) -> bool {
        let model = self.model;
        let machine = model.machine(id);
        for position in 0..self.addresses.len() {
            let Some(peer) = machine.peer(self.addresses[position]) else { continue };
            let Link::Up(LinkTunnel { to: next, .. }) = machine.links[peer] else {
                return false;
            };
            if self.machines.contains(&next) {
                continue;
            }
            if model.is_client(next) || self.machines.len() == MOST_MACHINES {
                return false;
            }
            self.machines.push(next);
            self.addresses.push(model.machine(next).address);
        }
        true
    }

    /// Which addresses are equal, and what all machines know about them.
    fn view_of_addresses(&mut self) {
        let model = self.model;
        let pods_of_sender =
            model.machine(self.machines[0]).node.as_ref().map(|node| node.pods.len());
        self.view.push(narrow(self.addresses.len()));
        self.view.push(pods_of_sender.map_or(0, narrow));
        for address in &self.addresses {
            let first = self.addresses.iter().position(|other| other == address);
            let facts = model.facts[address.index()].compared();
            self.view.push(first.map_or(0, narrow) << 8 | u32::from(facts));
        }
    }

    /// The properties of one machine: its firewall, its sizes of packets, and for each address its routes, its
    /// peer, and the group of its firewall.
    fn view_of_machine(&mut self, position: usize) -> Option<()> {
        let model = self.model;
        let id = self.machines[position];
        let machine = model.machine(id);
        let node = machine.node.as_ref()?;
        let firewall = &model.firewalls[node.firewall];
        self.view.push(narrow(node.firewall));
        self.view.push(u32::from(model.mtu(id)));
        let opens = [model.opens_ssh_to_nodes(id), model.opens_ssh_to_pods(id)].map(u32::from);
        self.view.push(u32::from(model.ssh_port(id)) << 2 | opens[0] << 1 | opens[1]);
        for address in 0..self.addresses.len() {
            let class = self.addresses[address];
            let [with_bird, without_bird] =
                [true, false].map(|bird| machine.route(class, bird).target as u32);
            let is_pod = u32::from(machine.has_pod(class));
            let routes = with_bird << 3 | without_bird << 1 | is_pod;
            self.view.push(routes << 16 | u32::from(firewall.group(class)));
            match machine.peer(class) {
                Some(peer) => self.view_of_tunnel(&machine.links[peer], position, peer)?,
                None => self.view.push(NO_PEER),
            }
        }
        Some(())
    }

    /// A peer, and the tunnel to it.
    fn view_of_tunnel(&mut self, link: &Link, position: usize, peer: usize) -> Option<()> {
        let Link::Up(LinkTunnel { to, back, overhead, underlay, .. }) = link else { return None };
        let far = self.machines.iter().position(|id| id == to)?;
        let near_peer = in_order(&mut self.peers[position], peer);
        let far_peer = in_order(&mut self.peers[far], *back);
        let sizes = u32::from(*overhead) << 16 | u32::from((*underlay)?);
        self.view.extend([narrow(far), near_peer, far_peer, sizes]);
        Some(())
    }
}

/// In place of a tunnel's first number.
const NO_PEER: u32 = u32::MAX;

/// The position of a value among those met so far.
fn in_order(met: &mut Vec<usize>, value: usize) -> u32 {
    let known = met.iter().position(|other| *other == value);
    narrow(known.unwrap_or_else(|| {
        met.push(value);
        met.len() - 1
    }))
}

/// Positions in memory fit: a tree with 2³² machines or addresses does not.
fn narrow(position: usize) -> u32 {
    u32::try_from(position).unwrap_or(u32::MAX)
}
