//! Which machine has which key.
//!
//! A node's `node.json` contains its own key, and the names and keys of its peers. Of several keys for
//! one machine, that of most files is taken, and the node's own key among equals.

use std::collections::BTreeMap;

use super::MachineId;
use crate::finding::{FindingCode, ProofFinding};
use crate::read::tree::EmittedTree;
use crate::span::FileLine;
use meshwright_value::PublicKey;

/// The owner of each key.
#[derive(Debug, Default)]
pub(super) struct KeyIndex {
    owners: BTreeMap<PublicKey, MachineId>,
}

/// The keys that files state for one machine.
#[derive(Debug, Default)]
struct KeyVotes {
    votes: Vec<KeyVote>,
}

/// One key, and how many files state it.
#[derive(Debug)]
struct KeyVote {
    key: PublicKey,
    count: u32,
    first: FileLine,
}

impl KeyIndex {
    /// Counts the keys of all `node.json`, and reports those that differ from the key of most files.
    pub(super) fn from_tree(emitted: &EmittedTree) -> (Self, Vec<ProofFinding>) {
        let nodes = emitted.nodes.iter().map(|node| node.name.as_str());
        let names = nodes.chain(emitted.clients.iter().map(|client| client.name.as_str()));
        let ids: BTreeMap<&str, MachineId> =
            names.enumerate().map(|(position, name)| (name, MachineId::new(position))).collect();
        let mut findings = Vec::new();
        let mut votes: Vec<KeyVotes> = ids.iter().map(|_| KeyVotes::default()).collect();
        for (node, own) in emitted.nodes.iter().zip(&mut votes) {
            let stated = node.json.content.public_key;
            own.add(stated.value, node.json.file.line(stated.line));
        }
        for node in &emitted.nodes {
            for peer in &node.json.content.peers {
                let place = node.json.file.line(peer.public_key.line);
                match ids.get(peer.name.as_str()) {
                    Some(id) => votes[id.index()].add(peer.public_key.value, place),
                    None => {
                        let message = format!("no machine has the name {}", peer.name);
                        findings.push(ProofFinding::new(FindingCode::KeysDisagree, place, message));
                    }
                }
            }
        }
        let elected = votes.iter().map(KeyVotes::elected).collect::<Vec<_>>();
        let mut key_index = Self::default();
        for (id, key) in (0..).map(MachineId::new).zip(&elected) {
            let Some(key) = key else { continue };
            if let Some(other) = key_index.owners.insert(key.key, id) {
                let names = [other, id].map(|id| name_of(emitted, id));
                let message = format!("{} and {} have the same key", names[0], names[1]);
                findings.push(ProofFinding::new(FindingCode::KeysDisagree, key.first, message));
            }
        }
        findings.extend(minority(emitted, &ids, &elected));
        (key_index, findings)
    }

    /// The machine that has a key.
    pub(super) fn owner(&self, key: &PublicKey) -> Option<MachineId> {
        self.owners.get(key).copied()
    }
}

/// The places of all keys that differ from the elected key of their machine.
fn minority(
    emitted: &EmittedTree,
    ids: &BTreeMap<&str, MachineId>,
    elected: &[Option<&KeyVote>],
) -> Vec<ProofFinding> {
    let mut findings = Vec::new();
    let mut compare = |name: &str, key: PublicKey, place: FileLine| {
        let elected = ids.get(name).and_then(|id| elected[id.index()]);
        if let Some(elected) = elected.filter(|elected| elected.key != key) {
            let there = shown(emitted, elected.first);
            let message =
                format!("the key of {name} is {key} here, and {} in {there}", elected.key);
            findings.push(ProofFinding::new(FindingCode::KeysDisagree, place, message));
        }
    };
    for node in &emitted.nodes {
        let json = &node.json;
        let own = json.content.public_key;
        compare(&node.name, own.value, json.file.line(own.line));
        for peer in &json.content.peers {
            compare(&peer.name, peer.public_key.value, json.file.line(peer.public_key.line));
        }
    }
    findings
}

fn name_of(emitted: &EmittedTree, id: MachineId) -> &str {
    match emitted.nodes.get(id.index()) {
        Some(node) => &node.name,
        None => &emitted.clients[id.index() - emitted.nodes.len()].name,
    }
}

/// A line of a `node.json`, as its path and line.
fn shown(emitted: &EmittedTree, place: FileLine) -> String {
    let node = emitted.nodes.iter().find(|node| node.json.file == place.file);
    let name = node.map_or("", |node| node.name.as_str());
    format!("nodes/{name}/node.json:{}", place.line)
}

impl KeyVotes {
    fn add(&mut self, key: PublicKey, first: FileLine) {
        match self.votes.iter_mut().find(|vote| vote.key == key) {
            Some(vote) => vote.count += 1,
            None => self.votes.push(KeyVote { key, count: 1, first }),
        }
    }

    /// The key of most files, and of several such keys the first: the node's own is counted first.
    fn elected(&self) -> Option<&KeyVote> {
        let most = self.votes.iter().map(|vote| vote.count).max()?;
        self.votes.iter().find(|vote| vote.count == most)
    }
}
