//! Members: nodes and clients, which share names, ids and keys.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::route::Route;
use crate::topology::Topology;
use meshwright_value::{Name, NodeId, PublicKey};

/// The kind of a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MemberKind {
    /// A host of the cluster.
    Node,
    /// A WireGuard peer that is not a node, such as a laptop.
    Client,
}

/// A node or a client.
#[derive(Debug, Clone, Copy)]
pub struct Member<'topology> {
    /// Node or client.
    pub kind: MemberKind,
    /// Its table in the topology.
    pub origin: &'topology Route,
    /// Its name.
    pub name: &'topology Name,
    /// Its number.
    pub id: NodeId,
    /// Its public key.
    pub public_key: Option<PublicKey>,
}

impl fmt::Display for Member<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            MemberKind::Node => "node",
            MemberKind::Client => "client",
        };
        write!(f, "{kind} {}", self.name)
    }
}

/// All nodes, then all clients, in the order of the document.
pub fn members(topology: &Topology) -> impl Iterator<Item = Member<'_>> {
    let nodes = topology.nodes.iter().map(|node| Member {
        kind: MemberKind::Node,
        origin: &node.origin,
        name: &node.name,
        id: node.id,
        public_key: node.public_key,
    });
    let clients = topology.clients.iter().map(|client| Member {
        kind: MemberKind::Client,
        origin: &client.origin,
        name: &client.name,
        id: client.id,
        public_key: client.public_key,
    });
    nodes.chain(clients)
}

/// Each member whose key an earlier member also has, with that member: `(later, first)`.
pub fn duplicates<K: Ord, T: Copy>(
    owners: impl IntoIterator<Item = (K, T)>,
) -> impl Iterator<Item = (T, T)> {
    let mut first = BTreeMap::new();
    owners.into_iter().filter_map(move |(key, owner)| match first.entry(key) {
        Entry::Vacant(entry) => {
            entry.insert(owner);
            None
        }
        Entry::Occupied(entry) => Some((owner, *entry.get())),
    })
}

/// Ids that no member has or had, lowest first.
pub fn free_ids(topology: &Topology) -> impl Iterator<Item = u32> {
    let used = members(topology).map(|member| member.id);
    let taken: BTreeSet<_> =
        used.chain(topology.cluster.retired_ids.iter().copied()).map(NodeId::get).collect();
    (1..).filter(move |id| !taken.contains(id))
}
