//! The way of packets between two machines through the mesh.

use super::link::{Link, LinkTunnel};
use super::{MachineId, Model, UnderlayNetwork};

/// The way from one machine to another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PairPath {
    /// A tunnel over the Internet.
    Internet,
    /// A tunnel in the local network of their site, and nowhere else.
    Site(String),
    /// The first tunnel leads to a machine that forwards.
    Relay(MachineId),
    /// No tunnel leads there.
    None,
}

impl Model {
    /// The way that packets to a machine's address in the mesh take.
    #[must_use]
    pub fn path(&self, from: MachineId, to: MachineId) -> PairPath {
        let machine = self.machine(from);
        let Some(peer) = machine.peer(self.machine(to).address) else { return PairPath::None };
        let Link::Up(LinkTunnel { to: next, back, .. }) = machine.links[peer] else {
            return PairPath::None;
        };
        if next != to {
            return PairPath::Relay(next);
        }
        match self.site_between([(from, peer), (to, back)]) {
            Some(site) => PairPath::Site(site.to_owned()),
            None => PairPath::Internet,
        }
    }

    /// The name of a node's site.
    #[must_use]
    pub fn site(&self, id: MachineId) -> Option<&str> {
        self.files(id)?.json.content.site.as_deref()
    }

    /// The site of two machines, each with the position of the other among its peers, that call each other in its
    /// local network, and nowhere else.
    pub(crate) fn site_between(&self, ends: [(MachineId, usize); 2]) -> Option<&str> {
        let [near, far] = ends;
        let site = self.site(near.0).filter(|site| self.site(far.0) == Some(*site))?;
        let network = |(caller, peer): (MachineId, usize), called| {
            let (endpoint, _) = self.endpoint(caller, peer)?;
            self.network_of(endpoint, caller, called)
        };
        let networks = [network(near, far.0), network(far, near.0)];
        let meet_in_site =
            networks.iter().flatten().all(|network| *network == UnderlayNetwork::Site);
        meet_in_site.then_some(site)
    }
}
