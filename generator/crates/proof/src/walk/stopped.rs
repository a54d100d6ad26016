//! The reason why a packet stops, and its description.
//!
//! Most packets that stop are expected to, so a description is written only when it is needed.

use crate::finding::{FindingCode, ProofFinding};
use crate::model::address_class::AddressClass;
use crate::model::link::Link;
use crate::model::packet::Packet;
use crate::model::routing::{RouteOrigin, TakenRoute};
use crate::model::{MachineId, MeshMachine, Model};
use crate::read::nftables::Hook;
use crate::span::FileLine;

/// A packet that stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoppedPacket {
    /// The machine where it stopped.
    pub(super) at: MachineId,
    /// The packet at that point.
    pub(super) packet: Packet,
    pub(super) why: StopReason,
}

/// The reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum StopReason {
    /// A firewall, by the rule or the policy on this line.
    Dropped { hook: Hook, line: Option<u32> },
    /// A route of the type `unreachable`.
    NoRoute(TakenRoute),
    /// The route leads to the host's pods, but no pod has the address.
    NoPod(TakenRoute),
    /// The default route: a packet for the mesh would leave unencrypted.
    InClear(TakenRoute),
    /// The source of a packet to the Internet would be an address of the mesh.
    Unanswerable,
    /// No peer's `AllowedIPs` contain the destination.
    NoPeer,
    /// The link to this peer is down.
    LinkDown { peer: usize },
    /// It is larger than the interface's MTU.
    TooLarge,
    /// It fits into the interface, but not into the underlay.
    Fragmented { size: u16, underlay: u16 },
    /// The receiver's `AllowedIPs` of this peer do not contain the source.
    Refused { by: MachineId, peer: usize },
    /// It is forwarded in a circle.
    Circle,
    /// It arrived at another machine.
    Elsewhere { target: MachineId },
}

impl StoppedPacket {
    /// Whether a firewall dropped it. Otherwise it was lost.
    #[must_use]
    pub const fn is_blocked(&self) -> bool {
        matches!(self.why, StopReason::Dropped { .. })
    }

    /// The machine where it stopped.
    #[must_use]
    pub const fn machine(&self) -> MachineId {
        self.at
    }

    /// Whether the only route is `unreachable`.
    #[must_use]
    pub const fn is_without_route(&self) -> bool {
        matches!(self.why, StopReason::NoRoute(_))
    }

    /// A packet that arrived at one machine instead of another.
    #[must_use]
    pub const fn elsewhere(packet: Packet, at: MachineId, target: MachineId) -> Self {
        Self { at, packet, why: StopReason::Elsewhere { target } }
    }

    /// A finding with the reason and the line that causes it.
    #[must_use]
    pub fn finding(&self, model: &Model) -> ProofFinding {
        let words = StopReport { model, packet: self.packet, at: self.at };
        match self.why {
            StopReason::Dropped { hook, line } => words.dropped(hook, line),
            StopReason::NoRoute(taken) => words.no_route(taken),
            StopReason::NoPod(taken) => words.no_pod(taken),
            StopReason::InClear(taken) => words.in_clear(taken),
            StopReason::Unanswerable => words.unanswerable(),
            StopReason::NoPeer => words.no_peer(),
            StopReason::LinkDown { peer } => words.link_down(peer),
            StopReason::TooLarge => words.too_large(),
            StopReason::Fragmented { size, underlay } => words.fragmented(size, underlay),
            StopReason::Refused { by, peer } => words.refused(by, peer),
            StopReason::Circle => words.circle(),
            StopReason::Elsewhere { target } => words.elsewhere(target),
        }
    }
}

struct StopReport<'model> {
    model: &'model Model,
    packet: Packet,
    at: MachineId,
}

impl<'model> StopReport<'model> {
    fn machine(&self) -> &'model MeshMachine {
        self.model.machine(self.at)
    }

    fn name(&self) -> &'model str {
        &self.machine().name
    }

    /// The line of a route; the interface's file for the provider's default route.
    fn place_of(&self, taken: TakenRoute) -> FileLine {
        taken.place.unwrap_or(self.machine().file.whole())
    }

    fn destination(&self) -> std::net::Ipv4Addr {
        self.model.classes.address(self.packet.destination)
    }

    fn source(&self) -> std::net::Ipv4Addr {
        self.model.classes.address(self.packet.source)
    }

    /// The tree does not contain the host's own public address, nor those of Internet hosts.
    fn shown(&self, class: AddressClass) -> String {
        if class == self.model.internet() {
            return "a public address".to_owned();
        }
        self.model.classes.address(class).to_string()
    }

    fn dropped(&self, hook: Hook, line: Option<u32>) -> ProofFinding {
        let message = format!(
            "the firewall of {} drops {} from {} to {} at {}",
            self.name(),
            self.packet.payload,
            self.shown(self.packet.source),
            self.shown(self.packet.destination),
            hook.name()
        );
        let file = self.firewall().file;
        ProofFinding::new(FindingCode::FirewallDrops, file.line(line.unwrap_or(0)), message)
    }

    /// The file with the host's firewall.
    fn firewall(&self) -> FileLine {
        let machine = self.machine();
        machine.firewall().map_or(machine.file, |(_, file)| file).whole()
    }

    fn no_route(&self, taken: TakenRoute) -> ProofFinding {
        let (name, address) = (self.name(), self.destination());
        let message = match taken.origin {
            RouteOrigin::Guard => {
                format!("the only route of {name} to {address} is the route guard (unreachable)")
            }
            _ => format!(
                "{name} resolves the next hop to {address} by the route guard (unreachable)"
            ),
        };
        ProofFinding::new(FindingCode::NoRoute, self.place_of(taken), message)
    }

    fn no_pod(&self, taken: TakenRoute) -> ProofFinding {
        let message = format!("no pod of {} has {}", self.name(), self.destination());
        ProofFinding::new(FindingCode::NoRoute, self.place_of(taken), message)
    }

    fn in_clear(&self, taken: TakenRoute) -> ProofFinding {
        let (name, address) = (self.name(), self.destination());
        let message =
            format!("{name} sends packets for {address} unencrypted, by the default route");
        ProofFinding::new(FindingCode::LeavesInClear, self.place_of(taken), message)
    }

    fn unanswerable(&self) -> ProofFinding {
        let address = self.source();
        if let Some(network) = self.model.network_of_class(self.packet.destination) {
            let message = format!(
                "{} sends packets from {address} to the network {}, whose machines have no route to this address: \
                 answers cannot return",
                self.name(),
                network.name
            );
            return ProofFinding::new(FindingCode::NetworkNotForwarded, self.firewall(), message);
        }
        let message = format!(
            "{} sends packets from {address} to the Internet without masquerading: answers cannot return",
            self.name()
        );
        let mut pools = self.model.emitted.pools();
        let own = pools.find(|(pool, _)| pool.cidr.value.contains(&address));
        let place = own
            .map_or(self.machine().file.whole(), |(pool, file)| file.line(pool.nat_outgoing.line));
        ProofFinding::new(FindingCode::LeavesInClear, place, message)
    }

    /// The line is that of the peer to which the address belongs, if there is one.
    fn no_peer(&self) -> ProofFinding {
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
        ProofFinding::new(FindingCode::NoPeerForAddress, machine.file.line(line), message)
    }

    fn link_down(&self, peer: usize) -> ProofFinding {
        match &self.machine().links[peer] {
            Link::Down(finding) => ProofFinding::clone(finding),
            Link::Up(_) => unreachable!("a packet stops only where the link is down"),
        }
    }

    fn too_large(&self) -> ProofFinding {
        let mtu = self.model.mtu(self.at);
        let message =
            format!("{} bytes do not fit into the interface's MTU of {mtu}", self.packet.size);
        self.by_mtu(message)
    }

    fn fragmented(&self, size: u16, underlay: u16) -> ProofFinding {
        let message = format!(
            "{} bytes become {size} in WireGuard, and the underlay's MTU is {underlay}: every packet would be sent as two fragments",
            self.packet.size
        );
        self.by_mtu(message)
    }

    fn by_mtu(&self, message: String) -> ProofFinding {
        let line = self.model.conf(self.at).mtu.map_or(0, |mtu| mtu.line);
        ProofFinding::new(FindingCode::PacketTooLarge, self.machine().file.line(line), message)
    }

    fn refused(&self, by: MachineId, peer: usize) -> ProofFinding {
        let receiver = self.model.machine(by);
        let line = self.model.conf(by).peers[peer].allowed_line;
        let message = format!(
            "{} drops what {} sends from {}: the AllowedIPs of that peer do not contain it",
            receiver.name,
            self.name(),
            self.source()
        );
        ProofFinding::new(FindingCode::SourceRefused, receiver.file.line(line), message)
    }

    fn circle(&self) -> ProofFinding {
        let message = "the packet is forwarded in a circle between relays";
        ProofFinding::new(FindingCode::RoutingLoop, self.machine().file.whole(), message)
    }

    fn elsewhere(&self, id: MachineId) -> ProofFinding {
        let target = self.model.machine(id);
        let message = format!("the packet arrives at {} instead of {}", self.name(), target.name);
        ProofFinding::new(FindingCode::ArrivesElsewhere, target.file.whole(), message)
    }
}
