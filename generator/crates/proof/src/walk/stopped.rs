//! Why a packet comes no further: what is known where it stops, and the words for it.
//!
//! Most flows that stop are meant to, so nothing is put into words before somebody asks.

use crate::finding::{Code, Finding};
use crate::model::link::Link;
use crate::model::packet::Packet;
use crate::model::routing::{Origin, Taken};
use crate::model::{Machine, MachineId, Model};
use crate::read::nftables::Hook;
use crate::span::Place;

/// A packet that has come no further.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stopped {
    /// Where it is.
    pub(super) at: MachineId,
    /// As it was then.
    pub(super) packet: Packet,
    pub(super) why: Why,
}

/// What stopped it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Why {
    /// A firewall, by the rule or the policy on this line.
    Dropped { hook: Hook, line: Option<u32> },
    /// A route that leads nowhere.
    NoRoute(Taken),
    /// The route leads to own pods, and none has the address.
    NoPod(Taken),
    /// The default route: an address of ours would leave.
    InClear(Taken),
    /// An address of ours would be the source.
    Unanswerable,
    /// No peer's `AllowedIPs` hold the destination.
    NoPeer,
    /// This peer is not reached.
    LinkDown { peer: usize },
    /// It is larger than the interface's MTU.
    TooLarge,
    /// It fits into the interface, and not whole into the underlay.
    Fragmented { size: u16, underlay: u16 },
    /// The receiver's `AllowedIPs` of this peer do not hold the source.
    Refused { by: MachineId, peer: usize },
    /// It meets relays without end.
    Circle,
    /// It has arrived where it was not meant to.
    Elsewhere { meant: MachineId },
}

impl Stopped {
    /// Whether a firewall dropped it; else it was lost.
    #[must_use]
    pub const fn is_blocked(&self) -> bool {
        matches!(self.why, Why::Dropped { .. })
    }

    /// A packet that has arrived at one machine instead of another.
    #[must_use]
    pub const fn elsewhere(packet: Packet, at: MachineId, meant: MachineId) -> Self {
        Self { at, packet, why: Why::Elsewhere { meant } }
    }

    /// The reason, and the line that causes it.
    #[must_use]
    pub fn finding(&self, model: &Model) -> Finding {
        let words = Words { model, packet: self.packet, at: self.at };
        match self.why {
            Why::Dropped { hook, line } => words.dropped(hook, line),
            Why::NoRoute(taken) => words.no_route(taken),
            Why::NoPod(taken) => words.no_pod(taken),
            Why::InClear(taken) => words.in_clear(taken),
            Why::Unanswerable => words.unanswerable(),
            Why::NoPeer => words.no_peer(),
            Why::LinkDown { peer } => words.link_down(peer),
            Why::TooLarge => words.too_large(),
            Why::Fragmented { size, underlay } => words.fragmented(size, underlay),
            Why::Refused { by, peer } => words.refused(by, peer),
            Why::Circle => words.circle(),
            Why::Elsewhere { meant } => words.elsewhere(meant),
        }
    }
}

struct Words<'model> {
    model: &'model Model,
    packet: Packet,
    at: MachineId,
}

impl<'model> Words<'model> {
    fn machine(&self) -> &'model Machine {
        self.model.machine(self.at)
    }

    fn name(&self) -> &'model str {
        &self.machine().name
    }

    /// The line of a route; of the provider's, the interface's file.
    fn place_of(&self, taken: Taken) -> Place {
        taken.place.unwrap_or(self.machine().file.whole())
    }

    fn destination(&self) -> std::net::Ipv4Addr {
        self.model.atoms.address(self.packet.destination)
    }

    fn source(&self) -> std::net::Ipv4Addr {
        self.model.atoms.address(self.packet.source)
    }

    fn dropped(&self, hook: Hook, line: Option<u32>) -> Finding {
        let message = format!(
            "the firewall of {} drops {} from {} to {} at {}",
            self.name(),
            self.packet.payload,
            self.source(),
            self.destination(),
            hook.name()
        );
        let machine = self.machine();
        let file = machine.node.as_ref().map_or(machine.file, |host| host.firewall_file);
        Finding::new(Code::FirewallDrops, file.line(line.unwrap_or(0)), message)
    }

    fn no_route(&self, taken: Taken) -> Finding {
        let (name, address) = (self.name(), self.destination());
        let message = match taken.origin {
            Origin::Guard => format!("{name} has no route to {address} but the guard that ends it"),
            _ => format!("{name} resolves the next hop to {address} by the guard that ends it"),
        };
        Finding::new(Code::NoRoute, self.place_of(taken), message)
    }

    fn no_pod(&self, taken: Taken) -> Finding {
        let message = format!("no pod of {} has {}", self.name(), self.destination());
        Finding::new(Code::NoRoute, self.place_of(taken), message)
    }

    fn in_clear(&self, taken: Taken) -> Finding {
        let (name, address) = (self.name(), self.destination());
        let message = format!("{name} sends {address} out by the default route, in clear");
        Finding::new(Code::LeavesInClear, self.place_of(taken), message)
    }

    fn unanswerable(&self) -> Finding {
        let address = self.source();
        let message = format!(
            "{} sends from {address} to the Internet as it is: nobody can answer that",
            self.name()
        );
        let pools = self.model.emitted.pools();
        let mut pools = pools.filter(|(pool, _)| pool.cidr.value.contains(&address));
        let place = pools.next().map(|(pool, file)| file.line(pool.nat_outgoing.line));
        let place = place.unwrap_or(self.machine().file.whole());
        Finding::new(Code::LeavesInClear, place, message)
    }

    /// Where the address should stand: with the peer that it belongs to, if there is one.
    fn no_peer(&self) -> Finding {
        let machine = self.machine();
        let owner = self.model.owner_of(self.packet.destination);
        let peer = owner.and_then(|owner| {
            let mut links = machine.links.iter();
            links.position(|link| matches!(link, Link::Up(tunnel) if tunnel.to == owner))
        });
        let line = peer.map_or(0, |peer| self.model.conf(self.at).peers[peer].allowed_line);
        let message = format!(
            "no peer of {} has {} in its AllowedIPs: WireGuard drops it",
            machine.name,
            self.destination()
        );
        Finding::new(Code::NoPeerForAddress, machine.file.line(line), message)
    }

    fn link_down(&self, peer: usize) -> Finding {
        match &self.machine().links[peer] {
            Link::Down(finding) => Finding::clone(finding),
            Link::Up(_) => unreachable!("a packet stops only where the link is down"),
        }
    }

    fn too_large(&self) -> Finding {
        let mtu = self.model.mtu(self.at);
        let message = format!("{} bytes do not fit into the interface's {mtu}", self.packet.size);
        self.by_mtu(message)
    }

    fn fragmented(&self, size: u16, underlay: u16) -> Finding {
        let message = format!(
            "{} bytes become {size} in WireGuard, and the underlay takes {underlay}: every packet would be two fragments",
            self.packet.size
        );
        self.by_mtu(message)
    }

    fn by_mtu(&self, message: String) -> Finding {
        let line = self.model.conf(self.at).mtu.map_or(0, |mtu| mtu.line);
        Finding::new(Code::PacketTooLarge, self.machine().file.line(line), message)
    }

    fn refused(&self, by: MachineId, peer: usize) -> Finding {
        let receiver = self.model.machine(by);
        let line = self.model.conf(by).peers[peer].allowed_line;
        let message = format!(
            "{} drops what {} sends from {}: the AllowedIPs of that peer do not hold it",
            receiver.name,
            self.name(),
            self.source()
        );
        Finding::new(Code::SourceRefused, receiver.file.line(line), message)
    }

    fn circle(&self) -> Finding {
        let message = "it goes round in circles between relays";
        Finding::new(Code::RoutingLoop, self.machine().file.whole(), message)
    }

    fn elsewhere(&self, meant: MachineId) -> Finding {
        let meant = self.model.machine(meant);
        let message = format!("it arrives at {} instead of {}", self.name(), meant.name);
        Finding::new(Code::ArrivesElsewhere, meant.file.whole(), message)
    }
}
