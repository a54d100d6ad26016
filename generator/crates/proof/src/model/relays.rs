//! Pairs of nodes with several relays, and the network when they are at another relay than the first one.

use super::builder::peer_of;
use super::link::Link;
use super::{MachineId, Model};
use crate::read::relay_list::ListedRelay;
use crate::span::FileLine;

/// A pair of nodes with several relays, as the list of one of them states it.
#[derive(Debug, Clone, Copy)]
pub struct RelayedPair<'model> {
    /// The node that has the list.
    pub near: MachineId,
    /// Its relays, in the order in which they are used.
    pub relays: &'model [ListedRelay],
}

impl<'model> RelayedPair<'model> {
    /// The name of the other node.
    #[must_use]
    pub fn other(&self) -> &'model str {
        &self.relays[0].other
    }

    /// The names of its relays.
    pub fn names(&self) -> impl Iterator<Item = &'model str> + use<'model> {
        self.relays.iter().map(|relay| relay.relay.as_str())
    }
}

impl Model {
    /// The pairs with several relays in the list of a node.
    pub fn relayed_pairs(&self, near: MachineId) -> impl Iterator<Item = RelayedPair<'_>> {
        let listed = self.files(near).and_then(|files| files.relays.as_ref());
        let listed = listed.map_or(&[][..], |relays| relays.content.as_slice());
        let pairs = listed.chunk_by(|one, next| one.other == next.other);
        pairs.map(move |relays| RelayedPair { near, relays })
    }

    /// The pair between two nodes in the list of the first one.
    #[must_use]
    pub fn relayed_pair(&self, near: MachineId, far: MachineId) -> Option<RelayedPair<'_>> {
        let far = &self.machine(far).name;
        self.relayed_pairs(near).find(|pair| pair.other() == far)
    }

    /// The relay of two nodes, and those that take over, as a text.
    #[must_use]
    pub fn relay_names(&self, from: MachineId, to: MachineId, relay: MachineId) -> String {
        let listed = self.relayed_pair(from, to);
        let further = listed.iter().flat_map(|pair| pair.names().skip(1));
        let first = self.machine(relay).name.clone();
        further.fold(first, |text, next| format!("{text}, or else {next}"))
    }

    /// The place of a list's line.
    pub(crate) fn place_of_relay(&self, near: MachineId, line: u32) -> FileLine {
        let listed = self.files(near).and_then(|files| files.relays.as_ref());
        listed.map_or(self.machine(near).file.whole(), |relays| relays.file.line(line))
    }

    /// The network in which the ends of pairs are at other relays: `choose` gives the position of each end's relay, and
    /// none if it stays. An end whose list has fewer relays stays too.
    pub(crate) fn with_relays(&self, choose: impl Fn(&RelayedPair<'_>) -> Option<usize>) -> Self {
        let mut model = self.clone();
        for near in self.nodes() {
            let conf = &mut model.emitted.nodes[near.index()].conf.content;
            let mut moves = false;
            for pair in self.relayed_pairs(near) {
                let relay = choose(&pair).and_then(|position| pair.relays.get(position));
                let Some(relay) = relay else { continue };
                let mut peers = (0..).zip(&conf.peers);
                let peer = peers.find(|(_, peer)| peer.public_key.value == relay.relay_key);
                let Some((peer, _)) = peer else { continue };
                let moved = conf.allowed.iter_mut().filter(|one| relay.moved.contains(&one.net));
                moved.for_each(|one| one.peer = peer);
                moves = true;
            }
            if moves {
                model.machines[near.index()].peer_of = peer_of(conf, &self.classes);
            }
        }
        model
    }

    /// The position of the first relay to which both ends of a pair have a tunnel; none if there is no such relay.
    pub(crate) fn first_open_relay(&self, pair: &RelayedPair<'_>) -> Option<usize> {
        let far = self.find(pair.other())?;
        let reaches = |from: MachineId, relay: MachineId| {
            let links = self.machine(from).links.iter();
            links.into_iter().any(|link| matches!(link, Link::Up(tunnel) if tunnel.to == relay))
        };
        let is_open = |listed: &ListedRelay| {
            let relay = self.owner_of_key(&listed.relay_key);
            relay.is_some_and(|relay| reaches(pair.near, relay) && reaches(far, relay))
        };
        pair.relays.iter().position(is_open)
    }
}
