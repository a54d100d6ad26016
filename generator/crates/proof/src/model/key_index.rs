//! Which machine has which key.
//!
//! A node's `node.json` contains its own key, and the names and keys of its peers. A peer of `wg0.conf` has
//! the name of the machine whose address is in its `AllowedIPs`. Of several keys for one machine, that of
//! most files is taken, and the node's own key among equals.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use super::MachineId;
use crate::finding::{FindingCode, ProofFinding};
use crate::read::tree::{EmittedNode, EmittedTree};
use crate::read::wg_quick::{WgConf, WgPeer};
use crate::span::{FileId, FileLine};
use meshwright_value::PublicKey;

/// The owner of each key.
#[derive(Debug, Clone, Default)]
pub(super) struct KeyIndex {
    owners: BTreeMap<PublicKey, MachineId>,
    /// The key of each machine, if a file states it.
    keys: Vec<Option<PublicKey>>,
}

/// The machines of a tree, by their names and addresses.
struct NamedMachines<'a> {
    emitted: &'a EmittedTree,
    by_name: BTreeMap<&'a str, MachineId>,
    by_address: BTreeMap<Ipv4Addr, MachineId>,
}

impl<'a> NamedMachines<'a> {
    fn new(emitted: &'a EmittedTree) -> Self {
        let ids = || (0..).map(MachineId::new);
        let nodes = emitted.nodes.iter().map(|node| node.name.as_str());
        let names = nodes.chain(emitted.clients.iter().map(|client| client.name.as_str()));
        let confs = emitted.confs().zip(ids());
        let addresses = confs.filter_map(|(conf, id)| Some((conf.address?.value.addr(), id)));
        Self { emitted, by_name: names.zip(ids()).collect(), by_address: addresses.collect() }
    }

    /// The machines whose addresses are in the `AllowedIPs` of each peer.
    fn carried(&self, conf: &WgConf) -> Vec<Vec<MachineId>> {
        let mut carried = vec![Vec::new(); conf.peers.len()];
        for allowed in conf.allowed.iter().filter(|one| one.net.prefix_len() == 32) {
            if let Some(id) = self.by_address.get(&allowed.net.addr()) {
                carried[allowed.peer as usize].push(*id);
            }
        }
        carried
    }

    /// Whether the endpoint of a peer is one of this machine. No file of a client states its endpoint.
    fn is_called(&self, peer: &WgPeer, id: MachineId) -> Option<bool> {
        let endpoint = peer.endpoint.as_ref()?;
        let json = &self.emitted.nodes.get(id.index())?.json.content;
        let hosts: Vec<_> = json.endpoints().map(|place| place.value.host()).collect();
        Some(hosts.contains(&endpoint.value.host()))
    }
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
    /// Counts the keys of all files, and reports those that differ from the key of most files.
    pub(super) fn from_tree(emitted: &EmittedTree) -> (Self, Vec<ProofFinding>) {
        let machines = NamedMachines::new(emitted);
        let ids = &machines.by_name;
        let mut findings = Vec::new();
        let mut votes: Vec<KeyVotes> = emitted.confs().map(|_| KeyVotes::default()).collect();
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
        for node in &emitted.nodes {
            vote_of_interface(&machines, node, &mut votes);
        }
        let elected = votes.iter().map(KeyVotes::elected).collect::<Vec<_>>();
        let keys = elected.iter().map(|vote| vote.map(|vote| vote.key)).collect();
        let mut key_index = Self { owners: BTreeMap::new(), keys };
        for (id, key) in (0..).map(MachineId::new).zip(&elected) {
            let Some(key) = key else { continue };
            if let Some(other) = key_index.owners.insert(key.key, id) {
                let names = [other, id].map(|id| name_of(emitted, id));
                let message = format!("{} and {} have the same key", names[0], names[1]);
                findings.push(ProofFinding::new(FindingCode::KeysDisagree, key.first, message));
            }
        }
        findings.extend(minority(emitted, ids, &elected));
        let minority =
            InterfaceMinority { machines: &machines, index: &key_index, elected: &elected };
        let nodes = emitted.nodes.iter().map(|node| &node.conf);
        for conf in nodes.chain(emitted.clients.iter().map(|client| &client.conf)) {
            findings.extend(minority.findings(&conf.content, conf.file));
        }
        (key_index, findings)
    }

    /// The keys that the machines load. Keys that files state for other machines are not counted.
    pub(super) fn of_machines(keys: Vec<Option<PublicKey>>) -> Self {
        let ids = (0..).map(MachineId::new);
        let owners = keys.iter().zip(ids).filter_map(|(key, id)| Some(((*key)?, id))).collect();
        Self { owners, keys }
    }

    /// The key of a machine.
    pub(super) fn key(&self, id: MachineId) -> Option<PublicKey> {
        self.keys.get(id.index()).copied().flatten()
    }

    /// The machine that has a key.
    pub(super) fn owner(&self, key: &PublicKey) -> Option<MachineId> {
        self.owners.get(key).copied()
    }
}

/// A peer with the address of one machine has that machine's key, unless its endpoint is another one's.
fn vote_of_interface(machines: &NamedMachines<'_>, node: &EmittedNode, votes: &mut [KeyVotes]) {
    let conf = &node.conf.content;
    for (peer, carried) in conf.peers.iter().zip(machines.carried(conf)) {
        if let [id] = carried[..]
            && machines.is_called(peer, id) != Some(false)
        {
            votes[id.index()].add(peer.public_key.value, node.conf.file.line(peer.public_key.line));
        }
    }
}

/// Peers of an interface whose keys differ from the elected key of their machine.
struct InterfaceMinority<'a> {
    machines: &'a NamedMachines<'a>,
    index: &'a KeyIndex,
    elected: &'a [Option<&'a KeyVote>],
}

impl InterfaceMinority<'_> {
    fn findings(&self, conf: &WgConf, file: FileId) -> Vec<ProofFinding> {
        // Almost always, each key is that of a machine that the peer carries.
        let carried = self.machines.carried(conf);
        let mut wrong = conf.peers.iter().zip(&carried).filter(|(peer, carried)| {
            let owner = self.index.owner(&peer.public_key.value);
            !carried.is_empty() && owner.is_none_or(|owner| !carried.contains(&owner))
        });
        let Some(first) = wrong.next() else { return Vec::new() };
        let known: BTreeSet<_> = conf.peers.iter().map(|peer| peer.public_key.value).collect();
        let found = std::iter::once(first).chain(wrong).filter_map(|(peer, carried)| {
            let id = self.meant(peer, carried, &known)?;
            let elected = self.elected[id.index()]?;
            let emitted = self.machines.emitted;
            let message = format!(
                "the key of {} is {} here, and {} in {}",
                name_of(emitted, id),
                peer.public_key.value,
                elected.key,
                shown(emitted, elected.first)
            );
            let place = file.line(peer.public_key.line);
            Some(ProofFinding::new(FindingCode::KeysDisagree, place, message))
        });
        found.collect()
    }

    /// The machine that a peer is meant to be: that of its endpoint, or the only one that no other peer
    /// is. The key of another machine is wrong only if the endpoint says so too.
    fn meant(
        &self,
        peer: &WgPeer,
        carried: &[MachineId],
        known: &BTreeSet<PublicKey>,
    ) -> Option<MachineId> {
        let mut called =
            carried.iter().filter(|id| self.machines.is_called(peer, **id) == Some(true));
        match (called.next(), called.next()) {
            (Some(id), None) => return Some(*id),
            (None, None) if peer.endpoint.is_none() => {}
            _ => return None,
        }
        let is_absent = |id: &&MachineId| {
            self.elected[id.index()].is_none_or(|vote| !known.contains(&vote.key))
        };
        let mut absent = carried.iter().filter(is_absent);
        let only = absent.next().filter(|_| absent.next().is_none());
        only.filter(|_| self.index.owner(&peer.public_key.value).is_none()).copied()
    }
}

/// The places of all keys of `node.json` that differ from the elected key of their machine.
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

/// A line of a `node.json` or an interface, as its path and line.
fn shown(emitted: &EmittedTree, place: FileLine) -> String {
    let FileLine { file, line } = place;
    let interface = &emitted.interface;
    let node = emitted.nodes.iter().find(|node| [node.json.file, node.conf.file].contains(&file));
    let Some(node) = node else { return String::new() };
    let file_name =
        if node.json.file == file { "node.json".to_owned() } else { format!("{interface}.conf") };
    format!("nodes/{}/{file_name}:{line}", node.name)
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
