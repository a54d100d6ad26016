//! The network while something of it fails.

use super::Failure;
use crate::finding::{FindingCode, ProofFinding};
use crate::model::link::{Link, LinkTunnel};
use crate::model::{MachineId, Model};

/// One end of a tunnel: a machine, and the position of the other end among its peers.
type TunnelEnd = (MachineId, usize);

impl Model {
    /// The network while something of it fails.
    pub(super) fn without(&self, failure: &Failure) -> Self {
        let mut model = self.clone();
        if let Failure::Machine(off) = failure {
            model.off = Some(*off);
        }
        for id in self.ids() {
            let links = &mut model.machines[id.index()].links;
            for (peer, link) in links.iter_mut().enumerate() {
                let Link::Up(LinkTunnel { to, back, endpoint, .. }) = *link else { continue };
                if let Some(message) = self.cut([(id, peer), (to, back)], failure) {
                    let code = FindingCode::PeerUnreachable;
                    *link = Link::Down(Box::new(ProofFinding::new(code, endpoint, message)));
                }
            }
        }
        if self.nodes().all(|id| self.relayed_pairs(id).next().is_none()) {
            return model;
        }
        // Both ends of a pair find the first relay that still connects them.
        model.with_relays(|pair| model.first_open_relay(pair))
    }

    /// Why a tunnel carries nothing then; none if it still does.
    fn cut(&self, ends: [TunnelEnd; 2], failure: &Failure) -> Option<String> {
        match failure {
            Failure::Machine(off) => ends
                .iter()
                .any(|(end, _)| end == off)
                .then(|| format!("{} is off", self.machine(*off).name)),
            Failure::SiteNetwork(site) => (self.site_between(ends) == Some(site))
                .then(|| format!("the local network of {site} is down")),
            Failure::Uplink(site) => {
                let uses = |(end, _): &TunnelEnd| {
                    self.site(*end) == Some(site) && self.is_behind_nat(*end)
                };
                let leaves = ends.iter().any(uses) && self.site_between(ends) != Some(site);
                leaves.then(|| format!("the connection of {site} to the Internet is down"))
            }
        }
    }

    /// Whether a node is called nowhere on the Internet.
    pub(super) fn is_behind_nat(&self, id: MachineId) -> bool {
        self.files(id).is_some_and(|files| files.json.content.public_endpoints().next().is_none())
    }

    /// Whether another machine sends packets to it that are not for the machine itself or for its pods.
    pub(super) fn carries_for_others(&self, id: MachineId) -> bool {
        let machine = self.machine(id);
        let address = self.classes.address(machine.address).into();
        let is_own = |net| {
            let mut pools = machine.node.iter().flat_map(|node| &node.pools);
            net == address || pools.any(|(pool, _)| *pool == net)
        };
        let carries = |from: MachineId| {
            let links = &self.machine(from).links;
            let leads_here = |peer: u32| match &links[peer as usize] {
                Link::Up(tunnel) => tunnel.to == id,
                Link::Down(_) => false,
            };
            let mut allowed = self.conf(from).allowed.iter();
            allowed.any(|allowed| leads_here(allowed.peer) && !is_own(allowed.net))
        };
        self.ids().any(carries)
    }
}
