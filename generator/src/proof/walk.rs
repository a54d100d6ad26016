//! The walk of one packet and of its answer, hook by hook, as the kernel would take it.

use crate::proof::finding::{Code, Finding};
use crate::proof::hop::{Hop, Party, Step};
use crate::proof::model::atoms::Atom;
use crate::proof::model::firewall::{Decision, Memo, Passage, Priorities};
use crate::proof::model::link::{Link, Tunnel};
use crate::proof::model::packet::{Packet, State, Tracked};
use crate::proof::model::routing::{Origin, Taken, Way};
use crate::proof::model::{MachineId, Model};
use crate::proof::place::Place;
use crate::proof::read::kube_proxy::Mode;
use crate::proof::read::nftables::{Hook, Interface};

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

/// Why it has come no further.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stopped {
    /// A firewall dropped it.
    Blocked(Finding),
    /// It was lost.
    Lost(Finding),
}

impl Stopped {
    /// The reason.
    #[must_use]
    pub fn finding(&self) -> &Finding {
        match self {
            Self::Blocked(finding) | Self::Lost(finding) => finding,
        }
    }
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

/// A packet at a host.
#[derive(Debug, Clone, Copy)]
struct Visit {
    at: MachineId,
    entry: Entry,
    packet: Packet,
    tracked: Tracked,
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
        let entry = match journey.sender {
            Party::Pod => Entry::Pod,
            Party::Host | Party::Internet => Entry::Process,
        };
        let start = (journey.from, entry, journey.packet);
        self.note(journey.from, journey.packet, Step::Sent(journey.sender), None);
        self.travel(start, journey, State::New)
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
        self.note(from.machine, answer, Step::Sent(from.party), None);
        self.travel((from.machine, entry, answer), journey, State::Established)
    }

    fn travel(
        &mut self,
        start: (MachineId, Entry, Packet),
        journey: &Journey,
        state: State,
    ) -> Result<Arrival, Stopped> {
        let (mut at, mut entry, mut packet) = start;
        for _ in 0..LONGEST {
            let visit = self.enter(at, entry, packet, journey, state);
            match self.visit(visit, journey)? {
                Next::Arrived(party) => return Ok(Arrival { machine: at, party }),
                Next::Hop(to, carried) => (at, entry, packet) = (to, Entry::Mesh, carried),
            }
        }
        let message = "it goes round in circles between relays".to_owned();
        let place = self.model.machine(at).file.whole();
        Err(Stopped::Lost(Finding::new(Code::RoutingLoop, place, message)))
    }

    /// conntrack looks before anything else does.
    fn enter(
        &mut self,
        at: MachineId,
        entry: Entry,
        packet: Packet,
        journey: &Journey,
        state: State,
    ) -> Visit {
        let known = self.connections.iter().rev().find(|known| known.machine == at).copied();
        match known.filter(|_| state == State::Established) {
            Some(known) => {
                let tracked = Tracked {
                    state,
                    translated: known.translated,
                    original: known.before.destination,
                };
                let visit = Visit { at, entry, packet: known.before.answer(), tracked };
                if visit.packet != packet {
                    self.note(at, visit.packet, Step::Restored, None);
                }
                visit
            }
            None => {
                let original = packet.destination;
                let tracked = Tracked { state, translated: false, original };
                let mut visit = Visit { at, entry, packet, tracked };
                let translation = self.translation(&visit, journey);
                if let (Entry::Process, Some(service)) = (entry, translation) {
                    self.translate(&mut visit, service);
                }
                let after = visit.packet;
                let translated = visit.tracked.translated;
                self.connections.push(Connection {
                    machine: at,
                    before: packet,
                    after,
                    translated,
                });
                visit
            }
        }
    }

    /// What kube-proxy would make of a packet.
    fn translation(&self, visit: &Visit, journey: &Journey) -> Option<Service> {
        let is_node = self.model.machine(visit.at).node.is_some();
        let service = journey.service.filter(|_| is_node && !visit.tracked.translated)?;
        let Packet { destination, payload, .. } = visit.packet;
        let meant = destination == service.address && payload.destination_port == service.port;
        meant.then_some(service)
    }

    fn translate(&mut self, visit: &mut Visit, service: Service) {
        visit.packet.destination = service.pod;
        visit.packet.payload = visit.packet.payload.to_port(service.target_port);
        visit.tracked.translated = true;
        let line = self.model.proxy_mode().line;
        let place = self.model.emitted.kube_proxy.file.line(line);
        self.note(visit.at, visit.packet, Step::Translated, Some(place));
    }

    fn visit(&mut self, mut visit: Visit, journey: &Journey) -> Result<Next, Stopped> {
        if visit.entry != Entry::Process {
            self.judge(&visit, Hook::Prerouting, None, Priorities::All)?;
            self.arrive(&mut visit, journey)?;
        }
        let machine = self.model.machine(visit.at);
        // A host that sent under its public address hears the answer there.
        let answered = visit.tracked.state == State::Established
            && visit.at == journey.from
            && journey.sender != Party::Pod
            && visit.packet.destination == journey.packet.source;
        let own = visit.packet.destination == machine.address || answered;
        if own {
            self.judge(&visit, Hook::Input, None, Priorities::All)?;
            return Ok(self.delivered(&visit, Party::Host));
        }
        let taken = machine.route(visit.packet.destination, journey.bird);
        self.note(visit.at, visit.packet, Step::Routed(taken), taken.place);
        self.follow(visit, taken)
    }

    /// A packet that came in is translated before it is routed; with IPVS it first enters the host,
    /// since the ClusterIP is an address of it.
    fn arrive(&mut self, visit: &mut Visit, journey: &Journey) -> Result<(), Stopped> {
        let Some(service) = self.translation(visit, journey) else { return Ok(()) };
        if service.mode == Mode::Ipvs {
            self.judge(visit, Hook::Input, None, Priorities::All)?;
        }
        self.translate(visit, service);
        if service.mode == Mode::Ipvs {
            visit.entry = Entry::Process;
        }
        if let Some(connection) = self.connections.last_mut() {
            connection.translated = true;
        }
        Ok(())
    }

    fn follow(&mut self, mut visit: Visit, taken: Taken) -> Result<Next, Stopped> {
        let output = match taken.way {
            Way::Mesh => Interface::Mesh,
            Way::Pod => Interface::Pod,
            Way::Public => Interface::Public,
            Way::Unreachable => return Err(Stopped::Lost(self.no_route(&visit, taken))),
        };
        self.leave(&mut visit, output)?;
        match taken.way {
            Way::Pod if self.model.machine(visit.at).has_pod(visit.packet.destination) => {
                Ok(self.delivered(&visit, Party::Pod))
            }
            Way::Mesh => self.encrypt(&visit),
            Way::Public if self.model.is_private(visit.packet.destination) => {
                Err(Stopped::Lost(self.in_clear(&visit, taken)))
            }
            Way::Public if self.model.is_private(visit.packet.source) => {
                Err(Stopped::Lost(self.unanswerable(&visit)))
            }
            Way::Public => Ok(self.delivered(&visit, Party::Internet)),
            _ => Err(Stopped::Lost(self.in_clear(&visit, taken))),
        }
    }

    /// Forward or output, then postrouting, with what masquerades before our chain there.
    fn leave(&mut self, visit: &mut Visit, output: Interface) -> Result<(), Stopped> {
        if visit.entry == Entry::Process {
            self.output(visit, output)?;
        } else {
            self.judge(visit, Hook::Forward, Some(output), Priorities::All)?;
        }
        self.masquerade(visit, output);
        self.judge(visit, Hook::Postrouting, Some(output), Priorities::All)?;
        if let Some(known) =
            self.connections.iter_mut().rev().find(|known| known.machine == visit.at)
            && visit.tracked.state == State::New
        {
            known.after = visit.packet;
        }
        Ok(())
    }

    /// At output, chains before the translation see a ClusterIP, and the route that it had then.
    fn output(&mut self, visit: &Visit, output: Interface) -> Result<(), Stopped> {
        if !visit.tracked.translated || visit.tracked.state != State::New {
            return self.judge(visit, Hook::Output, Some(output), Priorities::All);
        }
        let mut untranslated = *visit;
        untranslated.packet.destination = visit.tracked.original;
        untranslated.tracked.translated = false;
        let (hook, public) = (Hook::Output, Some(Interface::Public));
        self.judge(&untranslated, hook, public, Priorities::BeforeTranslation)?;
        self.judge(visit, hook, Some(output), Priorities::AfterTranslation)
    }

    /// kube-proxy masquerades what does not come from pods and goes to a Service, Calico what pods
    /// send out of the cluster; answers are left to conntrack.
    fn masquerade(&mut self, visit: &mut Visit, output: Interface) {
        let machine = self.model.machine(visit.at);
        if visit.tracked.state != State::New || machine.node.is_none() {
            return;
        }
        let Packet { source, destination, .. } = visit.packet;
        let by_proxy = visit.tracked.translated
            && (!self.model.is_in_cluster_cidr(source)
                || visit.tracked.original == machine.address);
        let by_calico = self.model.masquerades(source, destination);
        if !by_proxy && !by_calico {
            return;
        }
        let own = if output == Interface::Public { self.model.internet() } else { machine.address };
        if source != own {
            visit.packet.source = own;
            let place = self.model.masquerade_place(by_proxy);
            self.note(visit.at, visit.packet, Step::Masqueraded, Some(place));
        }
    }

    fn encrypt(&mut self, visit: &Visit) -> Result<Next, Stopped> {
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

    fn judge(
        &mut self,
        visit: &Visit,
        hook: Hook,
        output: Option<Interface>,
        priorities: Priorities,
    ) -> Result<(), Stopped> {
        let Some(host) = &self.model.machine(visit.at).node else { return Ok(()) };
        let firewall = &self.model.firewalls[host.firewall];
        let input = if hook == Hook::Postrouting || hook == Hook::Output {
            None
        } else {
            visit.entry.interface()
        };
        let passage = Passage { hook, input, output, priorities };
        let (packet, tracked) = (&visit.packet, visit.tracked);
        let key = firewall.key(passage, packet, tracked);
        let decision = self
            .memo
            .of(host.firewall, key, || firewall.judge(passage, packet, tracked, &self.model.atoms));
        let Decision { accepted, line } = decision;
        let place = host.firewall_file.line(line.unwrap_or(0));
        if accepted {
            if line.is_some() {
                self.note(visit.at, visit.packet, Step::Admitted(hook), Some(place));
            }
            return Ok(());
        }
        Err(Stopped::Blocked(self.dropped(visit, hook, place)))
    }

    fn delivered(&mut self, visit: &Visit, to: Party) -> Next {
        self.note(visit.at, visit.packet, Step::Delivered(to), None);
        Next::Arrived(to)
    }

    fn note(&mut self, machine: MachineId, packet: Packet, step: Step, place: Option<Place>) {
        if let Some(log) = &mut self.log {
            log.push(Hop { machine, packet, step, place });
        }
    }
}

enum Next {
    Arrived(Party),
    Hop(MachineId, Packet),
}

/// The words of what goes wrong.
impl Walker<'_> {
    fn dropped(&self, visit: &Visit, hook: Hook, place: Place) -> Finding {
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

    fn no_route(&self, visit: &Visit, taken: Taken) -> Finding {
        let address = self.model.atoms.address(visit.packet.destination);
        let name = &self.model.machine(visit.at).name;
        let message = match taken.origin {
            Origin::Guard => format!("{name} has no route to {address} but the guard that ends it"),
            _ => format!("{name} resolves the next hop to {address} by the guard that ends it"),
        };
        let place = taken.place.unwrap_or(self.model.machine(visit.at).file.whole());
        Finding::new(Code::NoRoute, place, message)
    }

    fn unanswerable(&self, visit: &Visit) -> Finding {
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

    fn in_clear(&self, visit: &Visit, taken: Taken) -> Finding {
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
    fn no_peer(&self, at: MachineId, atom: Atom) -> Finding {
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
