//! Which machine has which key, and the public endpoint of each machine.
//!
//! A node's `node.json` contains its own key and endpoint, and the keys of its clients.

use std::collections::BTreeMap;

use super::MachineId;
use crate::read::tree::EmittedTree;
use meshwright_value::{Endpoint, Host, PublicKey};

/// Keys and public endpoints by machine.
#[derive(Debug)]
pub(super) struct KeyIndex {
    owners: BTreeMap<PublicKey, MachineId>,
    public: Vec<Option<Endpoint>>,
}

impl KeyIndex {
    pub(super) fn from_tree(emitted: &EmittedTree) -> Self {
        let count = emitted.nodes.len() + emitted.clients.len();
        let mut key_index = Self { owners: BTreeMap::new(), public: vec![None; count] };
        for (position, node) in emitted.nodes.iter().enumerate() {
            let json = &node.json.content;
            key_index.owners.insert(json.public_key, MachineId::new(position));
            key_index.public[position].clone_from(&json.endpoint);
        }
        let clients = (emitted.nodes.len()..).map(MachineId::new).zip(&emitted.clients);
        let ids: BTreeMap<&str, MachineId> =
            clients.map(|(id, client)| (client.name.as_str(), id)).collect();
        for peer in emitted.nodes.iter().flat_map(|node| &node.json.content.peers) {
            if let Some(id) = ids.get(peer.name.as_str()) {
                key_index.owners.insert(peer.public_key, *id);
            }
        }
        key_index
    }

    /// The machine that has a key.
    pub(super) fn owner(&self, key: &PublicKey) -> Option<MachineId> {
        self.owners.get(key).copied()
    }

    /// Whether a machine can have this endpoint: its public one, or a private address. Only machines of
    /// the same site know private endpoints.
    pub(super) fn is_place_of(&self, endpoint: &Endpoint, id: MachineId) -> bool {
        is_private(endpoint) || self.public[id.index()].as_ref() == Some(endpoint)
    }
}

fn is_private(endpoint: &Endpoint) -> bool {
    match endpoint.host() {
        Host::V4(address) => address.is_private(),
        Host::V6(address) => address.is_unique_local(),
        Host::Name(_) => false,
    }
}
