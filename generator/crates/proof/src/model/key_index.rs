//! Which machine has which key, and the public endpoint of each machine.
//!
//! The `node.json` of the other machines contain a node's key and endpoint beside its name.

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
        let nodes = emitted.nodes.iter().map(|node| node.name.as_str());
        let names = nodes.chain(emitted.clients.iter().map(|client| client.name.as_str()));
        let ids: BTreeMap<&str, MachineId> =
            names.enumerate().map(|(position, name)| (name, MachineId::new(position))).collect();
        let mut key_index = Self { owners: BTreeMap::new(), public: vec![None; ids.len()] };
        let mut unknown = ids.len();
        for node in &emitted.nodes {
            if unknown == 0 {
                break;
            }
            for peer in &node.json.content.peers {
                let Some(id) = ids.get(peer.name.as_str()) else { continue };
                if key_index.owners.insert(peer.public_key, *id).is_none() {
                    unknown = unknown.saturating_sub(1);
                }
                let endpoint = peer.endpoint.as_ref().filter(|endpoint| !is_private(endpoint));
                if let Some(endpoint) = endpoint {
                    key_index.public[id.index()] = Some(endpoint.clone());
                }
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
