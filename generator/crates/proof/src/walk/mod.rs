//! The walk of one packet and of its answer, hook by hook, as the kernel would take it.

mod hooks;
mod stopped;
mod tunnel;

pub use self::stopped::Stopped;
use self::stopped::Why;
use crate::hop::{Hop, Party, Step};
use crate::model::address_class::Atom;
use crate::model::firewall::Memo;
use crate::model::packet::{Packet, State, Tracked};
use crate::model::{MachineId, Model};
use crate::read::kube_proxy::Mode;
use crate::read::nftables::Interface;
use crate::span::Place;

/// A packet that is to be sent.
#[derive(Debug, Clone, Copy)]
pub struct Journey {
    /// Where it starts.
    pub from: MachineId,
    /// Who sends it.
    pub sender: Party,
    /// The packet.
    pub packet: Packet,
    /// The Service that it is for, if it is for one.
    pub service: Option<Service>,
    /// Whether BIRD has its routes.
    pub bird: bool,
}

/// One Service, as kube-proxy translates it for one connection.
#[derive(Debug, Clone, Copy)]
pub struct Service {
    /// The address that is translated.
    pub address: Atom,
    /// The port that is translated.
    pub port: u16,
    /// The pod that is chosen.
    pub pod: Atom,
    /// Its port.
    pub target_port: u16,
    /// Where the translation happens.
    pub mode: Mode,
}

/// Where a packet has come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arrival {
    /// The machine.
    pub machine: MachineId,
    /// Who has it.
    pub party: Party,
}

/// Longer ways do not exist: one relay each way, and one node that carries for a client.
const LONGEST: usize = 6;

/// Walks packets, one after the other.
pub struct Walker<'model> {
    model: &'model Model,
    memo: Memo,
    connections: Vec<Connection>,
    log: Option<Vec<Hop>>,
}

/// What one host's conntrack keeps of the connection.
#[derive(Debug, Clone, Copy)]
struct Connection {
    machine: MachineId,
    before: Packet,
    after: Packet,
    translated: bool,
}

/// How a packet comes to a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Entry {
    Process,
    Pod,
    Mesh,
    Public,
}

impl Entry {
    fn interface(self) -> Option<Interface> {
        match self {
            Self::Process => None,
            Self::Pod => Some(Interface::Pod),
            Self::Mesh => Some(Interface::Mesh),
            Self::Public => Some(Interface::Public),
        }
    }
}

/// Which packet of a connection is on its way: rules tell the first from all others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Leg {
    First,
    Answer,
    /// The next of the one who sent the first.
    Later,
}

impl Leg {
    fn state(self) -> State {
        match self {
            Self::First => State::New,
            Self::Answer | Self::Later => State::Established,
        }
    }
}

/// A packet at a host.
#[derive(Debug, Clone, Copy)]
struct Visit {
    at: MachineId,
    entry: Entry,
    leg: Leg,
    packet: Packet,
    tracked: Tracked,
}

impl Visit {
    fn stopped(&self, why: Why) -> Stopped {
        Stopped { at: self.at, packet: self.packet, why }
    }
}

impl<'model> Walker<'model> {
    /// One that only says how it ended.
    #[must_use]
    pub fn new(model: &'model Model) -> Self {
        Self { model, memo: Memo::default(), connections: Vec::new(), log: None }
    }

    /// One that keeps the steps.
    #[must_use]
    pub fn with_log(model: &'model Model) -> Self {
        Self { log: Some(Vec::new()), ..Self::new(model) }
    }

    /// The network that it walks.
    #[must_use]
    pub fn model(&self) -> &'model Model {
        self.model
    }

    /// The steps since this was last asked for.
    pub fn hops(&mut self) -> Vec<Hop> {
        self.log.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// Sends a packet.
    ///
    /// # Errors
    ///
    /// Where it stops, and why.
    pub fn send(&mut self, journey: &Journey) -> Result<Arrival, Stopped> {
        self.connections.clear();
        self.depart(journey, Leg::First)
    }

    /// Sends the next packet of a connection whose first was answered. Its steps are those of the
    /// first; they are kept only if it stops.
    ///
    /// # Errors
    ///
    /// Where it stops, and why.
    pub fn send_more(&mut self, journey: &Journey) -> Result<Arrival, Stopped> {
        let kept = self.log.as_ref().map_or(0, Vec::len);
        let arrival = self.depart(journey, Leg::Later)?;
        if let Some(log) = &mut self.log {
            log.truncate(kept);
        }
        Ok(arrival)
    }

    fn depart(&mut self, journey: &Journey, leg: Leg) -> Result<Arrival, Stopped> {
        let entry = match journey.sender {
            Party::Pod => Entry::Pod,
            Party::Host | Party::Internet => Entry::Process,
        };
        self.note(journey.from, journey.packet, Step::Sent(journey.sender), |_| None);
        self.travel((journey.from, entry, journey.packet), journey, leg)
    }

    /// Sends the answer to the packet that has arrived there.
    ///
    /// # Errors
    ///
    /// Where it stops, and why.
    pub fn answer(&mut self, journey: &Journey, from: Arrival) -> Result<Arrival, Stopped> {
        let last = self.connections.last().map_or(journey.packet, |last| last.after);
        let answer = last.answer();
        let entry = match from.party {
            Party::Host => Entry::Process,
            Party::Pod => Entry::Pod,
            Party::Internet => Entry::Public,
        };
        self.note(from.machine, answer, Step::Sent(from.party), |_| None);
        self.travel((from.machine, entry, answer), journey, Leg::Answer)
    }

    fn travel(
        &mut self,
        start: (MachineId, Entry, Packet),
        journey: &Journey,
        leg: Leg,
    ) -> Result<Arrival, Stopped> {
        let (mut at, mut entry, mut packet) = start;
        for _ in 0..LONGEST {
            let visit = self.enter((at, entry, packet), journey, leg);
            match self.visit(visit, journey)? {
                Next::Arrived(party) => return Ok(Arrival { machine: at, party }),
                Next::Hop(to, carried) => (at, entry, packet) = (to, Entry::Mesh, carried),
            }
        }
        Err(Stopped { at, packet, why: Why::Circle })
    }

    /// conntrack looks before anything else does.
    fn enter(
        &mut self,
        (at, entry, packet): (MachineId, Entry, Packet),
        journey: &Journey,
        leg: Leg,
    ) -> Visit {
        let known = self.connection_at(at).map(|known| *known);
        let original = packet.destination;
        let tracked = Tracked { state: leg.state(), translated: false, original };
        let mut visit = Visit { at, entry, leg, packet, tracked };
        match (known, leg) {
            (Some(known), Leg::Answer) => {
                visit.packet = known.before.answer();
                visit.tracked.translated = known.translated;
                visit.tracked.original = known.before.destination;
                if visit.packet != packet {
                    self.note(at, visit.packet, Step::Restored, |_| None);
                }
                return visit;
            }
            (Some(known), Leg::Later) => visit.tracked.translated = known.translated,
            _ => {}
        }
        let service = self.translation(&visit, journey).filter(|_| entry == Entry::Process);
        if let Some(service) = service {
            self.translate(&mut visit, service);
        }
        if known.is_none() || leg == Leg::First {
            let (after, translated) = (visit.packet, visit.tracked.translated);
            self.connections.push(Connection { machine: at, before: packet, after, translated });
        }
        visit
    }

    /// The last that a host has seen.
    fn connection_at(&mut self, at: MachineId) -> Option<&mut Connection> {
        self.connections.iter_mut().rev().find(|known| known.machine == at)
    }

    /// What kube-proxy makes of a packet that is no answer.
    fn translation(&self, visit: &Visit, journey: &Journey) -> Option<Service> {
        let service = journey.service.filter(|_| visit.leg != Leg::Answer)?;
        let Packet { destination, payload, .. } = visit.packet;
        let meant = destination == service.address && payload.destination_port == service.port;
        (meant && self.model.machine(visit.at).node.is_some()).then_some(service)
    }

    fn translate(&mut self, visit: &mut Visit, service: Service) {
        visit.packet.destination = service.pod;
        visit.packet.payload = visit.packet.payload.to_port(service.target_port);
        visit.tracked.translated = true;
        let place = |walker: &Self| {
            let proxy = &walker.model.emitted.kube_proxy;
            Some(proxy.file.line(proxy.said.mode.line))
        };
        self.note(visit.at, visit.packet, Step::Translated, place);
    }

    fn delivered(&mut self, visit: &Visit, to: Party) -> Next {
        self.note(visit.at, visit.packet, Step::Delivered(to), |_| None);
        Next::Arrived(to)
    }

    /// Where the step stands is looked up only if somebody asks for the steps.
    fn note(
        &mut self,
        machine: MachineId,
        packet: Packet,
        step: Step,
        place: impl FnOnce(&Self) -> Option<Place>,
    ) {
        if self.log.is_none() {
            return;
        }
        let place = place(self);
        let log = self.log.get_or_insert_default();
        log.push(Hop { machine, packet, step, place });
    }
}

enum Next {
    Arrived(Party),
    Hop(MachineId, Packet),
}
