//! The mesh: the peers of each node and client, with addresses and endpoints.
//!
//! A full mesh grows with the square of its nodes, so peers are derived for one node at a time and
//! never held for all.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use ipnet::Ipv4Net;

use crate::derive::relay;
use crate::plan::{ClientPlan, NodePlan, Plan};
use meshwright_value::{Endpoint, Name, PublicKey, Reach, Subnet};

/// The node or client that a peer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PeerIdentity<'plan> {
    /// A node of the cluster.
    Node(&'plan NodePlan),
    /// A device that is not a node, such as a laptop.
    Client(&'plan ClientPlan),
}

/// One `[Peer]` of one node or client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer<'plan> {
    /// The node or client.
    pub identity: PeerIdentity<'plan>,
    /// The addresses that are sent to it and accepted from it (wg(8), AllowedIPs). No two peers of
    /// one interface share an address: WireGuard would give it to the last one, without an error
    /// message.
    pub allowed_ips: Vec<Ipv4Net>,
    /// The address at which it is called; none if it calls.
    pub endpoint: Option<&'plan Endpoint>,
    /// Whether keepalives keep the connection open. Clients that call send their own keepalives.
    pub keepalive: bool,
}

/// Another node that a node reaches through one of several relays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MovablePair<'plan> {
    /// The other node. Its prefixes move from the peer of one relay to that of the next.
    pub other: &'plan NodePlan,
    /// The relays, in the order in which they are used.
    pub relays: Vec<&'plan NodePlan>,
}

impl<'plan> Peer<'plan> {
    /// The name in the topology.
    #[must_use]
    pub fn name(&self) -> &'plan Name {
        match self.identity {
            PeerIdentity::Node(node) => &node.name,
            PeerIdentity::Client(client) => &client.name,
        }
    }

    /// The public key.
    #[must_use]
    pub fn public_key(&self) -> &'plan PublicKey {
        match self.identity {
            PeerIdentity::Node(node) => &node.public_key,
            PeerIdentity::Client(client) => &client.public_key,
        }
    }

    /// `host:port` of its endpoint: with the port on which the peer listens, if none is written.
    #[must_use]
    pub fn called_at(&self) -> Option<String> {
        match self.identity {
            PeerIdentity::Node(node) => Some(self.endpoint?.with_port(node.listen_port)),
            PeerIdentity::Client(client) => Some(self.endpoint?.with_port(client.listen_port?)),
        }
    }

    /// What a server may reach; none for a node, and for a client whose file says it.
    #[must_use]
    pub fn reach(&self) -> Option<&'plan [Reach]> {
        match self.identity {
            PeerIdentity::Client(client) if client.is_server() => Some(&client.reach),
            PeerIdentity::Client(_) | PeerIdentity::Node(_) => None,
        }
    }

    /// The peer that a node is to most others: to those that are not in its site, need no relay
    /// and do not have IPv6 only.
    #[must_use]
    pub fn common(node: &'plan NodePlan) -> Self {
        Self {
            identity: PeerIdentity::Node(node),
            allowed_ips: node.prefixes(),
            endpoint: node.location.common_endpoint(),
            keepalive: true,
        }
    }

    /// Whether this is [`Peer::common`] of its node.
    #[must_use]
    pub fn is_common(&self) -> bool {
        match self.identity {
            PeerIdentity::Node(node) => {
                self.endpoint == node.location.common_endpoint()
                    && self.allowed_ips == node.prefixes()
            }
            PeerIdentity::Client(_) => false,
        }
    }
}

impl NodePlan {
    /// The addresses that only this node may send and receive: its own, its pod block, and the networks behind it.
    #[must_use]
    pub fn prefixes(&self) -> Vec<Ipv4Net> {
        let networks = self.networks.iter().map(Subnet::net);
        [host(self.address), self.pod_subnet.net()].into_iter().chain(networks).collect()
    }
}

impl Plan {
    /// The peers of one node: nodes by id, then clients by id.
    #[must_use]
    pub fn peers<'plan>(&'plan self, node: &'plan NodePlan) -> Vec<Peer<'plan>> {
        let mut carried = self.carried(node);
        let direct = self
            .nodes
            .iter()
            .enumerate()
            .filter(|(_, other)| other.id != node.id && self.relay(node, other).is_none());
        let nodes = direct.map(|(position, other)| {
            let mut peer = Peer::common(other);
            peer.allowed_ips.extend(carried.remove(&position).unwrap_or_default());
            peer.endpoint = node.location.endpoint_of(&other.location);
            peer
        });
        let mut peers: Vec<_> = nodes.collect();
        let reachable = self.clients.iter().filter(|client| node.is_public() || client.is_server());
        peers.extend(reachable.map(|client| Peer {
            identity: PeerIdentity::Client(client),
            allowed_ips: client.prefixes(),
            endpoint: node.location.endpoint_of(&client.location),
            keepalive: client.is_server(),
        }));
        peers
    }

    /// The names of each pair of members that are peers of each other, the lesser first. Members
    /// that reach each other through a relay are not peers.
    #[must_use]
    pub fn pairs(&self) -> BTreeSet<[&Name; 2]> {
        let nodes = self.nodes.iter().flat_map(|node| named(&node.name, self.peers(node)));
        let clients = self
            .clients
            .iter()
            .flat_map(|client| named(&client.name, self.peers_of_client(client)));
        nodes.chain(clients).collect()
    }

    /// The prefixes that other nodes forward for `node`, by position: those of nodes behind a
    /// relay, and, if `node` is behind NAT, those of clients that connect through their `via`.
    fn carried(&self, node: &NodePlan) -> BTreeMap<usize, Vec<Ipv4Net>> {
        let mut carried: BTreeMap<usize, Vec<Ipv4Net>> = BTreeMap::new();
        if node.is_public() {
            return carried;
        }
        for other in &self.nodes {
            if let Some(relay) = self.relay(node, other) {
                carried.entry(relay).or_default().extend(other.prefixes());
            }
        }
        for client in self.clients.iter().filter(|client| !client.is_server()) {
            carried.entry(client.via).or_default().push(host(client.address));
        }
        carried
    }

    /// The position of the node that carries the traffic between two nodes, where neither can call
    /// the other. Files have this one.
    #[must_use]
    pub fn relay(&self, one: &NodePlan, other: &NodePlan) -> Option<usize> {
        self.relays(one, other).first().copied()
    }

    /// The positions of all nodes that can carry the traffic between two nodes, in the order in which they are used.
    #[must_use]
    pub fn relays<'plan>(
        &'plan self,
        one: &'plan NodePlan,
        other: &'plan NodePlan,
    ) -> &'plan [usize] {
        if one.id == other.id || one.location.connects(&other.location) {
            return &[];
        }
        let named = |node: &'plan NodePlan| {
            (node.id, Some(node.relays.as_slice()).filter(|relays| !relays.is_empty()))
        };
        relay::of_pair(named(one), named(other)).unwrap_or_default()
    }

    /// The pairs of a node that have more than one relay, by the id of the other node.
    pub fn movable_pairs<'plan>(
        &'plan self,
        node: &'plan NodePlan,
    ) -> impl Iterator<Item = MovablePair<'plan>> {
        let pairs = self.nodes.iter().map(move |other| {
            let relays = self.relays(node, other).iter().map(|relay| &self.nodes[*relay]);
            MovablePair { other, relays: relays.collect() }
        });
        pairs.filter(|pair| pair.relays.len() > 1)
    }

    /// The nodes whose traffic each relay can carry, all by their positions.
    #[must_use]
    pub fn relayed(&self) -> BTreeMap<usize, BTreeSet<usize>> {
        let mut relayed: BTreeMap<usize, BTreeSet<usize>> = BTreeMap::new();
        let behind_nat: Vec<_> =
            self.nodes.iter().enumerate().filter(|(_, node)| !node.is_public()).collect();
        for (one, node) in &behind_nat {
            for (other, peer) in &behind_nat {
                for relay in self.relays(node, peer) {
                    relayed.entry(*relay).or_default().extend([*one, *other]);
                }
            }
        }
        relayed
    }

    /// The peers of one client, by node id: every public node. The peer of `via` also has the
    /// addresses of nodes behind NAT, and the networks behind servers. A server has every node as a peer.
    #[must_use]
    pub fn peers_of_client<'plan>(&'plan self, client: &'plan ClientPlan) -> Vec<Peer<'plan>> {
        let direct = |node: &NodePlan| node.is_public() || client.is_server();
        let nodes = self.nodes.iter().enumerate().filter(|(_, node)| direct(node));
        let peers = nodes.map(|(position, node)| {
            let mut peer = Peer::common(node);
            peer.endpoint = client.location.endpoint_of(&node.location);
            peer.allowed_ips = client.accepted(node);
            if position == client.via {
                peer.allowed_ips.extend(self.behind_via(client));
            }
            peer.allowed_ips.extend(self.forwarded_to(client, position));
            peer
        });
        peers.filter(|peer| !peer.allowed_ips.is_empty()).collect()
    }

    fn behind_via(&self, client: &ClientPlan) -> Vec<Ipv4Net> {
        let behind_nat = self.nodes.iter().filter(|node| !node.is_public() && !client.is_server());
        let reaches_services = client.reach.contains(&Reach::Services);
        let services = reaches_services.then(|| self.network.service_subnet.net());
        let servers = self.clients.iter().filter(|server| client.reaches_network_of(server));
        let networks = servers.flat_map(|server| server.networks.iter().map(Subnet::net));
        behind_nat.flat_map(|node| client.reachable(node)).chain(services).chain(networks).collect()
    }

    /// The clients whose packets for the networks behind a server come from this node: two clients have no tunnel to
    /// each other.
    fn forwarded_to(&self, server: &ClientPlan, via: usize) -> impl Iterator<Item = Ipv4Net> {
        let callers = self.clients.iter();
        callers
            .filter(move |caller| caller.via == via && caller.reaches_network_of(server))
            .map(|caller| host(caller.address))
    }
}

impl ClientPlan {
    /// The addresses that only this client may send and receive: its own, and the networks behind it.
    #[must_use]
    pub fn prefixes(&self) -> Vec<Ipv4Net> {
        std::iter::once(host(self.address)).chain(self.networks.iter().map(Subnet::net)).collect()
    }

    fn reaches_network_of(&self, server: &Self) -> bool {
        self.id != server.id && self.reach.contains(&Reach::Networks) && !server.networks.is_empty()
    }

    /// The addresses of a peer: what the client may reach. A server also accepts each node, with whose address pods
    /// call it.
    fn accepted(&self, node: &NodePlan) -> Vec<Ipv4Net> {
        let mut accepted = self.reachable(node);
        let address = host(node.address);
        if self.is_server() && !accepted.contains(&address) {
            accepted.insert(0, address);
        }
        accepted
    }

    fn reachable(&self, node: &NodePlan) -> Vec<Ipv4Net> {
        let address = self.reach.contains(&Reach::Nodes).then(|| host(node.address));
        let pods = self.reach.contains(&Reach::Pods).then(|| node.pod_subnet.net());
        let networks = node.networks.iter().filter(|_| self.reach.contains(&Reach::Networks));
        address.into_iter().chain(pods).chain(networks.map(Subnet::net)).collect()
    }
}

fn named<'plan>(
    name: &'plan Name,
    peers: Vec<Peer<'plan>>,
) -> impl Iterator<Item = [&'plan Name; 2]> {
    peers.into_iter().map(move |peer| {
        let mut pair = [name, peer.name()];
        pair.sort();
        pair
    })
}

fn host(address: Ipv4Addr) -> Ipv4Net {
    Ipv4Net::from(address)
}
