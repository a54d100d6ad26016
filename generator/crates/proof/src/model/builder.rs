//! Builds machines from their files.

use std::sync::Arc;

use ipnet::Ipv4Net;
use rayon::prelude::*;

use super::address_class::{AddressClass, AddressClasses};
use super::firewall::NodeFirewall;
use super::routing::{self, AdvertisedPool, RouteConditions, RouteSources};
use super::{MeshMachine, NONE, NodeFacts, ServerFacts, limits};
use crate::finding::{FindingCode, ProofFinding};
use crate::read::nftables::Ruleset;
use crate::read::tree::{EmittedNode, EmittedTree, FromFile};
use crate::read::wg_quick::{AllowedIp, WgConf};
use crate::span::{FileId, FileLine};

/// The distinct firewalls.
pub(super) struct Firewalls {
    pub(super) firewalls: Vec<NodeFirewall>,
    /// For each node the position of its firewall.
    pub(super) of_nodes: Vec<usize>,
    /// The same for each client; none if its file has none.
    pub(super) of_clients: Vec<Option<usize>>,
}

/// Prepares all firewalls.
///
/// # Errors
///
/// Rules that divide addresses or packets into more parts than are examined.
pub(super) fn firewalls(
    emitted: &EmittedTree,
    classes: &AddressClasses,
) -> Result<Firewalls, Vec<ProofFinding>> {
    let mut known: Vec<(&Arc<Ruleset>, FileId)> = Vec::new();
    let mut position_of = |ruleset, file| {
        let found = known.iter().position(|(one, _)| Arc::ptr_eq(one, ruleset));
        found.unwrap_or_else(|| {
            known.push((ruleset, file));
            known.len() - 1
        })
    };
    let nodes = emitted.nodes.iter().map(|node| &node.firewall);
    let of_nodes = nodes.map(|firewall| position_of(&firewall.content, firewall.file)).collect();
    let clients = emitted.clients.iter().map(|client| &client.conf);
    let of_clients = clients
        .map(|conf| Some(position_of(&conf.content.firewall.as_ref()?.value, conf.file)))
        .collect();
    let built = known.into_par_iter().map(|(ruleset, file)| {
        let firewall = NodeFirewall::new(Arc::clone(ruleset), classes);
        firewall.map_err(|unread| limits::firewall(file, &unread))
    });
    let mut firewalls = Vec::new();
    let mut findings = Vec::new();
    for firewall in built.collect::<Vec<_>>() {
        match firewall {
            Ok(firewall) => firewalls.push(firewall),
            Err(finding) => findings.push(finding),
        }
    }
    let all = Firewalls { firewalls, of_nodes, of_clients };
    if findings.is_empty() { Ok(all) } else { Err(findings) }
}

/// The input of machines.
pub(super) struct MachineBuilder<'a> {
    pub(super) emitted: &'a EmittedTree,
    pub(super) classes: &'a AddressClasses,
}

impl MachineBuilder<'_> {
    /// The routes that BIRD advertises: the pools, each with the address of its node as the next hop.
    pub(super) fn advertised(&self) -> Vec<AdvertisedPool> {
        let pools_of_node = |node: &EmittedNode| {
            let next_hop =
                node.conf.content.address.map(|at| self.classes.class_of(at.value.addr()));
            let pools = self.pools_of(node);
            pools.into_iter().filter_map(move |(net, place)| {
                Some(AdvertisedPool { net, place, next_hop: next_hop? })
            })
        };
        self.emitted.nodes.iter().flat_map(pools_of_node).collect()
    }

    pub(super) fn sources<'a>(
        &'a self,
        node: &'a EmittedNode,
        own: &'a [(Ipv4Net, FileLine)],
        advertised: &'a [AdvertisedPool],
    ) -> RouteSources<'a> {
        RouteSources { node, guards: &self.emitted.guards, own, advertised, classes: self.classes }
    }

    fn pools_of(&self, node: &EmittedNode) -> Vec<(Ipv4Net, FileLine)> {
        let name = node.kubeadm.content.name.value.as_str();
        let pools = self.emitted.pools().filter(|(pool, _)| pool.node() == Some(name));
        pools.map(|(pool, file)| (pool.cidr.value, file.line(pool.cidr.line))).collect()
    }

    pub(super) fn node(
        &self,
        node: &EmittedNode,
        firewall: usize,
        advertised: &[AdvertisedPool],
    ) -> Result<MeshMachine, ProofFinding> {
        let address = self.address(&node.conf)?;
        let pools = self.pools_of(node);
        let others: Vec<_> =
            advertised.iter().filter(|block| block.next_hop != address).copied().collect();
        let sources = self.sources(node, &pools, &others);
        let [routes, without_bird] =
            [RouteConditions::WHOLE, RouteConditions::WITHOUT_BIRD].map(|when| sources.table(when));
        let label = self.emitted.bgp.content.reflectors.as_ref().map(|label| &label.value);
        let mut pods: Vec<_> =
            pools.iter().flat_map(|(net, _)| self.classes.within(*net)).collect();
        pods.sort_unstable();
        let host = NodeFacts {
            control_plane: node.kubeadm.content.advertised.is_some(),
            reflector: label.is_some_and(|label| node.kubeadm.content.labels.contains(label)),
            pods,
            pools,
            firewall,
            firewall_file: node.firewall.file,
            without_bird,
        };
        Ok(MeshMachine {
            name: node.name.clone(),
            address,
            file: node.conf.file,
            links: Vec::new(),
            node: Some(host),
            server: None,
            peer_of: peer_of(&node.conf.content, self.classes),
            routes,
        })
    }

    pub(super) fn client(
        &self,
        position: usize,
        firewall: Option<usize>,
    ) -> Result<MeshMachine, ProofFinding> {
        let client = &self.emitted.clients[position];
        Ok(MeshMachine {
            name: client.name.clone(),
            address: self.address(&client.conf)?,
            file: client.conf.file,
            links: Vec::new(),
            node: None,
            server: self.server(&client.name, firewall),
            peer_of: peer_of(&client.conf.content, self.classes),
            routes: routing::client_table(&client.conf, self.classes),
        })
    }

    /// What the nodes state about a client with an endpoint. An invariant compares the statements.
    fn server(&self, name: &str, forwarding: Option<usize>) -> Option<ServerFacts> {
        let peers = self.emitted.nodes.iter().flat_map(|node| &node.json.content.peers);
        let stated = peers.filter(|peer| peer.name == name).filter_map(|peer| peer.server.as_ref());
        let mut stated = stated.peekable();
        let reach = stated.peek()?.reach.clone();
        let mut endpoints: Vec<_> = stated.map(|one| one.endpoint.value.clone()).collect();
        endpoints.sort();
        endpoints.dedup();
        Some(ServerFacts { reach, endpoints, forwarding })
    }

    fn address(&self, conf: &FromFile<WgConf>) -> Result<AddressClass, ProofFinding> {
        let address = conf.content.address.map(|at| self.classes.class_of(at.value.addr()));
        address.ok_or_else(|| {
            let message =
                "the interface has no Address: no packet of the mesh reaches this machine";
            ProofFinding::new(FindingCode::AddressMissing, conf.file.whole(), message)
        })
    }
}

/// Cryptokey routing (wg(8), AllowedIPs): the longest prefix wins, and of two equal prefixes the
/// last one in the file.
pub(super) fn peer_of(conf: &WgConf, classes: &AddressClasses) -> Vec<u32> {
    let mut claims: Vec<AllowedIp> = conf.allowed.clone();
    claims.sort_by_key(|allowed| allowed.net.prefix_len());
    let mut peers = vec![NONE; classes.count()];
    for claim in claims {
        peers[classes.range(claim.net)].fill(claim.peer);
    }
    peers
}
