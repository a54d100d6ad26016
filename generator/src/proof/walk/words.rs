//! The words of what goes wrong.

use super::{Visit, Walker};
use crate::proof::finding::{Code, Finding};
use crate::proof::model::MachineId;
use crate::proof::model::atoms::Atom;
use crate::proof::model::link::Link;
use crate::proof::model::packet::Packet;
use crate::proof::model::routing::{Origin, Taken, Way};
use crate::proof::place::Place;
use crate::proof::read::nftables::Hook;

impl Walker<'_> {
    pub(super) fn dropped(&self, visit: &Visit, hook: Hook, place: Place) -> Finding {
        let Packet { source, destination, payload, .. } = visit.packet;
        let [from, to] = [source, destination].map(|atom| self.model.atoms.address(atom));
        let message = format!(
            "the firewall of {} drops {} from {from} to {to} at {}",
            self.model.machine(visit.at).name,
            payload,
            hook.name()
        );
        Finding::new(Code::FirewallDrops, place, message)
    }

    pub(super) fn no_route(&self, visit: &Visit, taken: Taken) -> Finding {
        let address = self.model.atoms.address(visit.packet.destination);
        let name = &self.model.machine(visit.at).name;
        let message = match taken.origin {
            Origin::Guard => format!("{name} has no route to {address} but the guard that ends it"),
            _ => format!("{name} resolves the next hop to {address} by the guard that ends it"),
        };
        let place = taken.place.unwrap_or(self.model.machine(visit.at).file.whole());
        Finding::new(Code::NoRoute, place, message)
    }

    pub(super) fn unanswerable(&self, visit: &Visit) -> Finding {
        let machine = self.model.machine(visit.at);
        let address = self.model.atoms.address(visit.packet.source);
        let message = format!(
            "{} sends from {address} to the Internet as it is: nobody can answer that",
            machine.name
        );
        let pools = self.model.emitted.pools();
        let mut pools = pools.filter(|(pool, _)| pool.cidr.value.contains(&address));
        let place = pools.next().map(|(pool, file)| file.line(pool.nat_outgoing.line));
        Finding::new(Code::LeavesInClear, place.unwrap_or(machine.file.whole()), message)
    }

    pub(super) fn in_clear(&self, visit: &Visit, taken: Taken) -> Finding {
        let address = self.model.atoms.address(visit.packet.destination);
        let name = &self.model.machine(visit.at).name;
        let place = taken.place.unwrap_or(self.model.machine(visit.at).file.whole());
        if taken.way == Way::Pod {
            let message = format!("no pod of {name} has {address}");
            return Finding::new(Code::NoRoute, place, message);
        }
        let message = format!("{name} sends {address} out by the default route, in clear");
        Finding::new(Code::LeavesInClear, place, message)
    }

    /// Where the address should stand: with the peer that it belongs to, if there is one.
    pub(super) fn no_peer(&self, at: MachineId, atom: Atom) -> Finding {
        let machine = self.model.machine(at);
        let owner = self.model.owner_of(atom);
        let peer = owner.and_then(|owner| {
            let mut links = machine.links.iter();
            links.position(|link| matches!(link, Link::Up(tunnel) if tunnel.to == owner))
        });
        let line = peer.map_or(0, |peer| self.model.conf(at).peers[peer].allowed_line);
        let address = self.model.atoms.address(atom);
        let message = format!(
            "no peer of {} has {address} in its AllowedIPs: WireGuard drops it",
            machine.name
        );
        Finding::new(Code::NoPeerForAddress, machine.file.line(line), message)
    }
}
