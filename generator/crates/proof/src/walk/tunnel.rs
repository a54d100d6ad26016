//! WireGuard: to the peer whose `AllowedIPs` hold the destination, from the one whose hold the source.

use super::stopped::Why;
use super::{Next, Stopped, Visit, Walker};
use crate::hop::Step;
use crate::model::MachineId;
use crate::model::link::{Link, Tunnel};
use crate::model::packet::Packet;
use crate::span::Place;

impl Walker<'_> {
    pub(super) fn encrypt(&mut self, visit: &Visit) -> Result<Next, Stopped> {
        let Visit { at, packet, .. } = *visit;
        let machine = self.model.machine(at);
        let peer = machine.peer(packet.destination).ok_or_else(|| visit.stopped(Why::NoPeer))?;
        let Link::Up(tunnel) = machine.links[peer] else {
            return Err(visit.stopped(Why::LinkDown { peer }));
        };
        let size = self.size_outside(at, &packet, tunnel).map_err(|why| visit.stopped(why))?;
        let step = Step::Encrypted { to: tunnel.to, endpoint: tunnel.endpoint, size };
        self.note(at, packet, step, |walker| Some(walker.allowed_ips(at, peer)));
        self.decrypt(visit, tunnel)
    }

    /// The packet's size on the underlay, if it fits into the interface and the interface into that.
    fn size_outside(&self, at: MachineId, packet: &Packet, tunnel: Tunnel) -> Result<u16, Why> {
        if packet.size > self.model.mtu(at) {
            return Err(Why::TooLarge);
        }
        let size = packet.size.saturating_add(tunnel.overhead);
        let between = [at, tunnel.to].map(|id| self.model.underlay(id)).into_iter().flatten().min();
        match between.filter(|underlay| size > *underlay) {
            None => Ok(size),
            Some(underlay) => Err(Why::Fragmented { size, underlay }),
        }
    }

    fn decrypt(&mut self, visit: &Visit, tunnel: Tunnel) -> Result<Next, Stopped> {
        let Visit { at: from, packet, .. } = *visit;
        let Tunnel { to, back: peer, .. } = tunnel;
        if self.model.machine(to).peer(packet.source) != Some(peer) {
            return Err(visit.stopped(Why::Refused { by: to, peer }));
        }
        let place = |walker: &Self| Some(walker.allowed_ips(to, peer));
        self.note(to, packet, Step::Decrypted { from }, place);
        Ok(Next::Hop(to, packet))
    }

    /// The line of a peer's `AllowedIPs`.
    fn allowed_ips(&self, of: MachineId, peer: usize) -> Place {
        self.model.machine(of).file.line(self.model.conf(of).peers[peer].allowed_line)
    }
}
