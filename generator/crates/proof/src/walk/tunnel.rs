//! WireGuard: sends to the peer whose `AllowedIPs` contain the destination, and accepts from the peer
//! whose `AllowedIPs` contain the source.

use super::stopped::StopReason;
use super::{NextStop, StoppedPacket, Visit, Walker};
use crate::hop::HopStep;
use crate::model::MachineId;
use crate::model::link::{Link, LinkTunnel};
use crate::model::packet::Packet;
use crate::model::payload_set::Reach;
use crate::span::FileLine;

impl Walker<'_> {
    pub(super) fn encrypt(&mut self, visit: &Visit) -> Result<NextStop, StoppedPacket> {
        let Visit { at, packet, .. } = *visit;
        let machine = self.model.machine(at);
        let peer =
            machine.peer(packet.destination).ok_or_else(|| visit.stopped(StopReason::NoPeer))?;
        let Link::Up(tunnel) = machine.links[peer] else {
            return self.call_of_client(visit, peer);
        };
        let size = self.size_outside(at, &packet, tunnel).map_err(|why| visit.stopped(why))?;
        let step = HopStep::Encrypted { to: tunnel.to, endpoint: tunnel.endpoint, size };
        self.note(at, packet, step, |walker| Some(walker.allowed_ips(at, peer)));
        self.decrypt(visit, tunnel)
    }

    /// A client that has no peer for a node can add one and call it: the node has the client's key. So a
    /// missing peer keeps no packet away that must not arrive.
    fn call_of_client(&self, visit: &Visit, peer: usize) -> Result<NextStop, StoppedPacket> {
        let key = self.model.conf(visit.at).peers[peer].public_key.value;
        let owner = self.model.owner_of_key(&key).filter(|owner| self.model.is_client(*owner));
        match owner.filter(|_| visit.reach == Reach::Any) {
            Some(client) => Ok(NextStop::Hop(client, visit.packets())),
            None => Err(visit.stopped(StopReason::LinkDown { peer })),
        }
    }

    /// The packet's size on the underlay, if it fits into the interface and the underlay.
    fn size_outside(
        &self,
        at: MachineId,
        packet: &Packet,
        tunnel: LinkTunnel,
    ) -> Result<u16, StopReason> {
        if packet.size > self.model.mtu(at) {
            return Err(StopReason::TooLarge);
        }
        let size = packet.size.saturating_add(tunnel.overhead);
        match tunnel.underlay.filter(|underlay| size > *underlay) {
            None => Ok(size),
            Some(underlay) => Err(StopReason::Fragmented { size, underlay }),
        }
    }

    fn decrypt(&mut self, visit: &Visit, tunnel: LinkTunnel) -> Result<NextStop, StoppedPacket> {
        let Visit { at: from, packet, .. } = *visit;
        let LinkTunnel { to, back: peer, .. } = tunnel;
        // A client can widen its own AllowedIPs, so they keep no packet away that must not arrive.
        let widened = visit.reach == Reach::Any && self.model.is_client(to);
        if !widened && self.model.machine(to).peer(packet.source) != Some(peer) {
            return Err(visit.stopped(StopReason::Refused { by: to, peer }));
        }
        let place = |walker: &Self| Some(walker.allowed_ips(to, peer));
        self.note(to, packet, HopStep::Decrypted { from }, place);
        Ok(NextStop::Hop(to, visit.packets()))
    }

    /// The line of a peer's `AllowedIPs`.
    fn allowed_ips(&self, of: MachineId, peer: usize) -> FileLine {
        self.model.machine(of).file.line(self.model.conf(of).peers[peer].allowed_line)
    }
}
