//! Machines, made from what their files say.

use std::sync::Arc;

use ipnet::Ipv4Net;

use super::address_class::{Atom, Atoms};
use super::firewall::Firewall;
use super::routing::{self, Advertised, Circumstances, Sources};
use super::{Host, Machine, NONE};
use crate::finding::{Code, Finding};
use crate::parallel;
use crate::read::tree::{Emitted, FromFile, Node};
use crate::read::wg_quick::{Allowed, Conf};
use crate::span::Place;

/// The firewalls that differ, and for each node the position of its own.
pub(super) fn firewalls(emitted: &Emitted, atoms: &Atoms) -> (Vec<Firewall>, Vec<usize>) {
    let mut known: Vec<&Arc<_>> = Vec::new();
    let mut of = Vec::new();
    for node in &emitted.nodes {
        let ruleset = &node.firewall.said;
        let found = known.iter().position(|one| Arc::ptr_eq(one, ruleset));
        of.push(found.unwrap_or(known.len()));
        if found.is_none() {
            known.push(ruleset);
        }
    }
    let firewalls = parallel::map(known.len(), |at| Firewall::new(Arc::clone(known[at]), atoms));
    (firewalls, of)
}

/// What machines are made from.
pub(super) struct Drafts<'a> {
    pub(super) emitted: &'a Emitted,
    pub(super) atoms: &'a Atoms,
}

impl Drafts<'_> {
    /// What BIRD tells all nodes: the pools, each with the address of its node as the next hop.
    pub(super) fn advertised(&self) -> Vec<Advertised> {
        let of = |node: &Node| {
            let next_hop = node.conf.said.address.map(|at| self.atoms.of(at.value.addr()));
            let pools = self.pools_of(node);
            pools.into_iter().filter_map(move |(net, place)| {
                Some(Advertised { net, place, next_hop: next_hop? })
            })
        };
        self.emitted.nodes.iter().flat_map(of).collect()
    }

    pub(super) fn sources<'a>(
        &'a self,
        node: &'a Node,
        own: &'a [(Ipv4Net, Place)],
        advertised: &'a [Advertised],
    ) -> Sources<'a> {
        Sources { node, guards: &self.emitted.guards, own, advertised, atoms: self.atoms }
    }

    fn pools_of(&self, node: &Node) -> Vec<(Ipv4Net, Place)> {
        let name = node.kubeadm.said.name.value.as_str();
        let pools = self.emitted.pools().filter(|(pool, _)| pool.node() == Some(name));
        pools.map(|(pool, file)| (pool.cidr.value, file.line(pool.cidr.line))).collect()
    }

    pub(super) fn node(
        &self,
        node: &Node,
        firewall: usize,
        advertised: &[Advertised],
    ) -> Result<Machine, Finding> {
        let address = self.address(&node.conf)?;
        let pools = self.pools_of(node);
        let others: Vec<_> =
            advertised.iter().filter(|block| block.next_hop != address).copied().collect();
        let sources = self.sources(node, &pools, &others);
        let [routes, without_bird] =
            [Circumstances::WHOLE, Circumstances::WITHOUT_BIRD].map(|when| sources.table(when));
        let label = self.emitted.bgp.said.reflectors.as_ref().map(|label| &label.value);
        let mut pods: Vec<_> = pools.iter().flat_map(|(net, _)| self.atoms.within(*net)).collect();
        pods.sort_unstable();
        let host = Host {
            control_plane: node.kubeadm.said.advertised.is_some(),
            reflector: label.is_some_and(|label| node.kubeadm.said.labels.contains(label)),
            pods,
            pools,
            firewall,
            firewall_file: node.firewall.file,
            without_bird,
        };
        Ok(Machine {
            name: node.name.clone(),
            address,
            file: node.conf.file,
            links: Vec::new(),
            node: Some(host),
            peer_of: peer_of(&node.conf.said, self.atoms),
            routes,
        })
    }

    pub(super) fn client(&self, position: usize) -> Result<Machine, Finding> {
        let client = &self.emitted.clients[position];
        Ok(Machine {
            name: client.name.clone(),
            address: self.address(&client.conf)?,
            file: client.conf.file,
            links: Vec::new(),
            node: None,
            peer_of: peer_of(&client.conf.said, self.atoms),
            routes: routing::of_client(&client.conf, self.atoms),
        })
    }

    fn address(&self, conf: &FromFile<Conf>) -> Result<Atom, Finding> {
        let address = conf.said.address.map(|at| self.atoms.of(at.value.addr()));
        address.ok_or_else(|| {
            let message = "the interface has no Address: nothing of the mesh reaches this machine";
            Finding::new(Code::AddressMissing, conf.file.whole(), message)
        })
    }
}

/// Cryptokey routing (wg(8), AllowedIPs): the longest prefix wins, and of two that are the same the
/// peer that claims it last.
fn peer_of(conf: &Conf, atoms: &Atoms) -> Vec<u32> {
    let mut claims: Vec<Allowed> = conf.allowed.clone();
    claims.sort_by_key(|allowed| allowed.net.prefix_len());
    let mut of = vec![NONE; atoms.count()];
    for claim in claims {
        of[atoms.range(claim.net)].fill(claim.peer);
    }
    of
}
