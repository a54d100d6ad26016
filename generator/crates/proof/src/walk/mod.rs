//! Walks one packet and its answer hook by hook, as the kernel processes them.

mod decisions;
mod hooks;
mod stopped;
mod tunnel;

use self::decisions::DecisionCache;
use self::stopped::StopReason;
pub(crate) use self::stopped::StoppedPacket;
use crate::hop::{FlowEnd, HopStep, PacketHop};
use crate::model::address_class::AddressClass;
use crate::model::packet::{ConntrackView, Packet};
use crate::model::payload_set::{FlowPayloads, PayloadSet, PayloadSets, Reach, TargetPort};
use crate::model::{MachineId, Model};
use crate::read::kube_proxy::ProxyMode;
use crate::read::nftables::Interface;
use crate::span::FileLine;

/// Packets to send, which differ only in their payloads.
#[derive(Debug, Clone, Copy)]
pub struct Journey {
    /// The machine that sends it.
    pub from: MachineId,
    /// The sender on that machine.
    pub sender: FlowEnd,
    /// One of them.
    pub packet: Packet,
    /// The payloads of all.
    pub payloads: FlowPayloads,
    /// Which of them have to arrive.
    pub reach: Reach,
    /// The Service that it is sent to, if any.
    pub service: Option<TranslatedService>,
    /// Whether BIRD has its routes.
    pub bird: bool,
}

/// One Service, as kube-proxy translates it for one connection.
#[derive(Debug, Clone, Copy)]
pub struct TranslatedService {
    /// The address that is translated.
    pub address: AddressClass,
    /// The only node that translates it; none for a ClusterIP, which all nodes translate. kube-proxy
    /// translates a NodePort only at a node's own addresses (`fib daddr type local`).
    pub on: Option<MachineId>,
    /// The pod or host that is chosen.
    pub endpoint: AddressClass,
    /// Its port.
    pub target: TargetPort,
    /// kube-proxy's mode.
    pub mode: ProxyMode,
}

/// The end of a packet's path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arrival {
    /// The machine.
    pub machine: MachineId,
    /// The receiver on it.
    pub party: FlowEnd,
}

/// The maximum number of hosts on a path: a relay for each end, and a node that forwards for a client.
const LONGEST: usize = 6;

/// Walks packets, one after the other.
pub struct Walker<'model> {
    model: &'model Model,
    memo: DecisionCache,
    sets: PayloadSets,
    connections: Vec<ConntrackEntry>,
    log: Option<Vec<PacketHop>>,
}

/// One host's conntrack entry for the connection.
#[derive(Debug, Clone, Copy)]
struct ConntrackEntry {
    machine: MachineId,
    before: PacketSet,
    after: PacketSet,
    translated_by: Option<ProxyMode>,
}

/// Where a host gets a packet from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum PacketOrigin {
    Process,
    Pod,
    Mesh,
    Public,
}

impl PacketOrigin {
    fn interface(self) -> Option<Interface> {
        match self {
            Self::Process => None,
            Self::Pod => Some(Interface::Pod),
            Self::Mesh => Some(Interface::Mesh),
            Self::Public => Some(Interface::Public),
        }
    }
}

/// Which packet of a connection is walked: rules distinguish the first from all others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ConnectionPhase {
    First,
    Answer,
    /// The next packet of the first sender.
    Later,
}

/// Packets that differ only in their payloads.
#[derive(Debug, Clone, Copy)]
struct PacketSet {
    /// One of them.
    packet: Packet,
    payloads: PayloadSet,
}

/// Packets at a host.
#[derive(Debug, Clone, Copy)]
struct Visit {
    at: MachineId,
    origin: PacketOrigin,
    phase: ConnectionPhase,
    reach: Reach,
    packet: Packet,
    payloads: PayloadSet,
    /// The connection's first packets, as they came to this host.
    called: PacketSet,
    translated_by: Option<ProxyMode>,
    /// For an answer to a known connection: the packets with the addresses that its caller used.
    restored: Option<PacketSet>,
    /// Whether it passed the input hook before IPVS translated it.
    is_balanced: bool,
}

impl Visit {
    fn stopped(&self, why: StopReason) -> StoppedPacket {
        StoppedPacket { at: self.at, packet: self.packet, why }
    }

    /// IPVS does not set `IPS_DST_NAT` (`ip_vs_update_conntrack` in ip_vs_nfct.c, Linux 6.12): `ct status
    /// dnat` does not match its packets.
    fn tracked(&self) -> ConntrackView {
        let translated = self.translated_by.is_some_and(|mode| mode != ProxyMode::Ipvs);
        ConntrackView { translated, original: self.called.packet.destination }
    }

    /// Whether this host translated the destination of the packet, which a process or IPVS sends on.
    fn is_translated_here(&self) -> bool {
        self.phase != ConnectionPhase::Answer && !self.is_balanced
    }

    /// Whether an answer comes to the address with which this host masqueraded.
    fn is_masqueraded_answer(&self) -> bool {
        let caller = self.restored.map(|restored| restored.packet.destination);
        caller.is_some_and(|caller| caller != self.packet.destination)
    }

    /// Whether an answer comes from the endpoint to which this host translated.
    fn is_translated_answer(&self) -> bool {
        let called = self.restored.map(|restored| restored.packet.source);
        called.is_some_and(|called| called != self.packet.source)
    }

    fn restore_destination(&mut self) {
        if let Some(restored) = self.restored {
            self.packet.destination = restored.packet.destination;
        }
    }

    const fn packets(&self) -> PacketSet {
        PacketSet { packet: self.packet, payloads: self.payloads }
    }
}

impl<'model> Walker<'model> {
    /// A walker that only reports the end.
    #[must_use]
    pub fn new(model: &'model Model) -> Self {
        Self {
            model,
            memo: DecisionCache::default(),
            sets: PayloadSets::default(),
            connections: Vec::new(),
            log: None,
        }
    }

    /// A walker that records the steps.
    #[must_use]
    pub fn with_log(model: &'model Model) -> Self {
        Self { log: Some(Vec::new()), ..Self::new(model) }
    }

    /// The network that it walks.
    #[must_use]
    pub fn model(&self) -> &'model Model {
        self.model
    }

    /// Whether it records the steps.
    #[must_use]
    pub const fn records_steps(&self) -> bool {
        self.log.is_some()
    }

    /// The steps since the last call.
    pub fn hops(&mut self) -> Vec<PacketHop> {
        self.log.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// Sends a packet.
    ///
    /// # Errors
    ///
    /// The place and reason where it stops.
    pub fn send(&mut self, journey: &Journey) -> Result<Arrival, StoppedPacket> {
        self.connections.clear();
        self.depart(journey, ConnectionPhase::First)
    }

    /// Sends the next packet of a connection after the answer. Its steps equal those of the first
    /// packet, so they are kept only if it stops.
    ///
    /// # Errors
    ///
    /// The place and reason where it stops.
    pub fn send_more(&mut self, journey: &Journey) -> Result<Arrival, StoppedPacket> {
        let kept = self.log.as_ref().map_or(0, Vec::len);
        let arrival = self.depart(journey, ConnectionPhase::Later)?;
        if let Some(log) = &mut self.log {
            log.truncate(kept);
        }
        Ok(arrival)
    }

    fn depart(
        &mut self,
        journey: &Journey,
        phase: ConnectionPhase,
    ) -> Result<Arrival, StoppedPacket> {
        let origin = match journey.sender {
            FlowEnd::Pod => PacketOrigin::Pod,
            FlowEnd::Host | FlowEnd::Internet => PacketOrigin::Process,
            FlowEnd::Network => PacketOrigin::Public,
        };
        self.note(journey.from, journey.packet, HopStep::Sent(journey.sender), |_| None);
        let first = self.sets.of_flow(journey.payloads);
        let payloads = match phase {
            ConnectionPhase::Later => self.sets.later(first, journey.reach),
            ConnectionPhase::First | ConnectionPhase::Answer => first,
        };
        let packets = PacketSet { packet: journey.packet, payloads };
        self.travel((journey.from, origin, packets), journey, phase)
    }

    /// Sends the answer to the packet that has arrived there.
    ///
    /// # Errors
    ///
    /// The place and reason where it stops.
    pub fn answer(&mut self, journey: &Journey, from: Arrival) -> Result<Arrival, StoppedPacket> {
        let sent = self.connections.last().map(|last| last.after);
        let sent = sent.unwrap_or_else(|| PacketSet {
            packet: journey.packet,
            payloads: self.sets.of_flow(journey.payloads),
        });
        let mut answers = self.answers(sent, journey.reach);
        // A host answers with packets that fit into its own interface: both ends of TCP announce their size.
        if from.party == FlowEnd::Host {
            answers.packet.size = answers.packet.size.min(self.model.mtu(from.machine));
        }
        let origin = match from.party {
            FlowEnd::Host => PacketOrigin::Process,
            FlowEnd::Pod => PacketOrigin::Pod,
            FlowEnd::Internet | FlowEnd::Network => PacketOrigin::Public,
        };
        self.note(from.machine, answers.packet, HopStep::Sent(from.party), |_| None);
        self.travel((from.machine, origin, answers), journey, ConnectionPhase::Answer)
    }

    fn answers(&mut self, sent: PacketSet, reach: Reach) -> PacketSet {
        let payloads = self.sets.answers(sent.payloads, reach);
        PacketSet { packet: sent.packet.answer(), payloads }
    }

    fn travel(
        &mut self,
        start: (MachineId, PacketOrigin, PacketSet),
        journey: &Journey,
        phase: ConnectionPhase,
    ) -> Result<Arrival, StoppedPacket> {
        let (mut at, mut origin, mut packets) = start;
        for _ in 0..LONGEST {
            let visit = self.enter((at, origin, packets), journey, phase);
            match self.visit(visit, journey)? {
                NextStop::Arrived(party) => return Ok(Arrival { machine: at, party }),
                NextStop::Hop(to, carried) => {
                    (at, origin, packets) = (to, PacketOrigin::Mesh, carried)
                }
            }
        }
        Err(StoppedPacket { at, packet: packets.packet, why: StopReason::Circle })
    }

    /// conntrack processes a packet before all chains.
    fn enter(
        &mut self,
        (at, origin, packets): (MachineId, PacketOrigin, PacketSet),
        journey: &Journey,
        phase: ConnectionPhase,
    ) -> Visit {
        let PacketSet { packet, payloads } = packets;
        let known = self.known_connection(at, packet, phase);
        let mut visit = Visit {
            at,
            origin,
            phase,
            reach: journey.reach,
            packet,
            payloads,
            called: packets,
            translated_by: None,
            restored: None,
            is_balanced: false,
        };
        match (known, phase) {
            (Some(known), ConnectionPhase::Answer) => {
                visit.restored = Some(self.answers(known.before, journey.reach));
                visit.translated_by = known.translated_by;
                visit.called = known.before;
                return visit;
            }
            (Some(known), ConnectionPhase::Later) => visit.translated_by = known.translated_by,
            _ => {}
        }
        let service = self.translation(&visit, journey).filter(|_| origin == PacketOrigin::Process);
        if let Some(service) = service {
            self.translate(&mut visit, service);
        }
        if known.is_none() || phase == ConnectionPhase::First {
            let (after, translated_by) = (visit.packets(), visit.translated_by);
            self.connections.push(ConntrackEntry {
                machine: at,
                before: packets,
                after,
                translated_by,
            });
        }
        visit
    }

    /// The conntrack entry of a packet. A relay can forward a connection twice: to the node that translates
    /// it, and from there to the endpoint.
    fn known_connection(
        &self,
        at: MachineId,
        packet: Packet,
        phase: ConnectionPhase,
    ) -> Option<ConntrackEntry> {
        let Packet { source, destination, .. } = packet;
        let mut at_host = self.connections.iter().filter(|known| known.machine == at);
        let found = at_host.find(|known| match phase {
            ConnectionPhase::Answer => {
                let after = known.after.packet;
                (after.destination, after.source) == (source, destination)
            }
            ConnectionPhase::First | ConnectionPhase::Later => {
                let before = known.before.packet;
                (before.source, before.destination) == (source, destination)
            }
        });
        found.copied()
    }

    /// The newest conntrack entry of a host: while the first packet is there, its own.
    fn connection_at(&mut self, at: MachineId) -> Option<&mut ConntrackEntry> {
        self.connections.iter_mut().rev().find(|known| known.machine == at)
    }

    /// The translation of a packet by kube-proxy; answers are not translated.
    fn translation(&self, visit: &Visit, journey: &Journey) -> Option<TranslatedService> {
        let service = journey.service.filter(|_| visit.phase != ConnectionPhase::Answer)?;
        let is_here = service.on.is_none_or(|node| node == visit.at);
        let is_to_service = visit.packet.destination == service.address && is_here;
        (is_to_service && self.model.machine(visit.at).node.is_some()).then_some(service)
    }

    fn translate(&mut self, visit: &mut Visit, service: TranslatedService) {
        visit.packet.destination = service.endpoint;
        visit.payloads = self.sets.to_port(visit.payloads, service.target);
        visit.packet.payload = self.sets.sample(visit.payloads);
        visit.translated_by = Some(service.mode);
        let place = |walker: &Self| {
            let proxy = &walker.model.emitted.kube_proxy;
            Some(proxy.file.line(proxy.content.mode.line))
        };
        self.note(visit.at, visit.packet, HopStep::Translated, place);
    }

    fn delivered(&mut self, visit: &Visit, to: FlowEnd) -> NextStop {
        self.note(visit.at, visit.packet, HopStep::Delivered(to), |_| None);
        NextStop::Arrived(to)
    }

    /// The line of a step is looked up only if steps are recorded.
    fn note(
        &mut self,
        machine: MachineId,
        packet: Packet,
        step: HopStep,
        place: impl FnOnce(&Self) -> Option<FileLine>,
    ) {
        if self.log.is_none() {
            return;
        }
        let place = place(self);
        let log = self.log.get_or_insert_default();
        log.push(PacketHop { machine, packet, step, place });
    }
}

enum NextStop {
    Arrived(FlowEnd),
    Hop(MachineId, PacketSet),
}
