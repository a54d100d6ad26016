//! WireGuard: to the peer whose `AllowedIPs` hold the destination, from the one whose hold the source.

use super::{Next, Stopped, Visit, Walker};
use crate::proof::finding::{Code, Finding};
use crate::proof::hop::Step;
use crate::proof::model::MachineId;
use crate::proof::model::link::{Link, Tunnel};
use crate::proof::model::packet::Packet;

impl Walker<'_> {
    pub(super) fn encrypt(&mut self, visit: &Visit) -> Result<Next, Stopped> {
        let Visit { at, packet, .. } = *visit;
        let machine = self.model.machine(at);
        let peer = machine.peer(packet.destination);
        let peer = peer.ok_or_else(|| Stopped::Lost(self.no_peer(at, packet.destination)))?;
        let tunnel = match &machine.links[peer] {
            Link::Up(tunnel) => *tunnel,
            Link::Down(finding) => return Err(Stopped::Lost(Finding::clone(finding))),
        };
        let size = self.fits(at, &packet, tunnel)?;
        let line = self.model.conf(at).peers[peer].allowed_line;
        let step = Step::Encrypted { to: tunnel.to, endpoint: tunnel.endpoint, size };
        self.note(at, packet, step, Some(machine.file.line(line)));
        self.decrypt(at, tunnel, packet)
    }

    /// The packet's size on the underlay, if it fits into wg0 and wg0 fits into that.
    fn fits(&self, at: MachineId, packet: &Packet, tunnel: Tunnel) -> Result<u16, Stopped> {
        let size = packet.size.saturating_add(tunnel.overhead);
        let too_large = |line: Option<u32>, message| {
            let place = self.model.machine(at).file.line(line.unwrap_or(0));
            Stopped::Lost(Finding::new(Code::PacketTooLarge, place, message))
        };
        let (conf, mtu) = (self.model.conf(at), self.model.mtu(at));
        let line = conf.mtu.map(|mtu| mtu.line);
        if packet.size > mtu {
            let message = format!("{} bytes do not fit into the interface's {mtu}", packet.size);
            return Err(too_large(line, message));
        }
        let between = [at, tunnel.to].map(|id| self.model.underlay(id)).into_iter().flatten().min();
        match between.filter(|underlay| size > *underlay) {
            None => Ok(size),
            Some(underlay) => {
                let message = format!(
                    "{} bytes become {size} in WireGuard, and the underlay takes {underlay}: every packet would be two fragments",
                    packet.size
                );
                Err(too_large(line, message))
            }
        }
    }

    fn decrypt(
        &mut self,
        from: MachineId,
        tunnel: Tunnel,
        packet: Packet,
    ) -> Result<Next, Stopped> {
        let receiver = self.model.machine(tunnel.to);
        let line = self.model.conf(tunnel.to).peers[tunnel.back].allowed_line;
        let place = receiver.file.line(line);
        if receiver.peer(packet.source) != Some(tunnel.back) {
            let message = format!(
                "{} drops what {} sends from {}: the AllowedIPs of that peer do not hold it",
                receiver.name,
                self.model.machine(from).name,
                self.model.atoms.address(packet.source)
            );
            return Err(Stopped::Lost(Finding::new(Code::SourceRefused, place, message)));
        }
        self.note(tunnel.to, packet, Step::Decrypted { from }, Some(place));
        Ok(Next::Hop(tunnel.to, packet))
    }
}
