//! Whose key is whose, and where each machine is called.
//!
//! A node's own key stands in no file of its own: the others' `node.json` say it by name. Where a
//! machine stands is what most of the files say; one that says something else is the one that errs.

use std::collections::BTreeMap;

use super::MachineId;
use crate::read::tree::EmittedTree;
use meshwright_value::{Endpoint, Host, PublicKey};

/// Keys and places by machine.
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

    /// Whether a machine is called at this endpoint: at its public one, or in the network of a site,
    /// of which only those know who stand in it.
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
