//! WireGuard's own packets: UDP from the caller to the endpoint of the called machine, and back.
//!
//! They take the hooks of both hosts like all others, with conntrack's states, over IPv4 and IPv6. A
//! host's public address is in no file, so they are sent from and to every address that is not of the
//! mesh.

use std::collections::BTreeMap;

use rayon::prelude::*;

use super::packet::ConntrackState;
use super::routed_network::RoutedNetwork;
use super::routing::{RouteOrigin, RouteTarget, TakenRoute};
use super::{MachineId, Model};
use crate::admission::admit_through;
use crate::finding::{FindingCode, ProofFinding};
use crate::read::nftables::{Hook, Interface, Ruleset};
use crate::space::{Dimension, Ranges, Region};
use meshwright_value::{Endpoint, Host};

const UDP: u128 = 17;
/// Port 0 is not used (IANA).
const EVERY_PORT: (u128, u128) = (1, u16::MAX as u128);

/// A packet of WireGuard that a firewall drops.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct DroppedCall {
    kind: OuterKind,
    hook: Hook,
    line: Option<u32>,
}

/// The addresses of the underlay, as far as the tree shows them: the same for all machines.
pub(super) struct UnderlayAddresses {
    /// The IPv4 addresses that a host's own public side can have.
    hosts: Ranges,
    /// The IPv4 addresses that a machine can call from. In a network behind a machine of the mesh, only its
    /// neighbours call.
    callers: Ranges,
    /// The same, with those of all networks.
    with_neighbours: Ranges,
}

impl UnderlayAddresses {
    pub(super) fn of(model: &Model) -> Self {
        let hosts = model.ours().complement(Dimension::Source4.largest());
        let with_neighbours = model.callers();
        let callers = without_networks(model, &with_neighbours, |_| false);
        Self { hosts, callers, with_neighbours }
    }

    /// The addresses that call one machine.
    fn callers_of(&self, model: &Model, called: MachineId) -> Ranges {
        without_networks(model, &self.with_neighbours, |network| model.is_beside(called, network))
    }
}

/// The addresses that are in no network, except for those that are kept.
fn without_networks(
    model: &Model,
    addresses: &Ranges,
    is_kept: impl Fn(&RoutedNetwork) -> bool,
) -> Ranges {
    let left_out = model.networks.iter().filter(|network| !is_kept(network));
    let nets = left_out.flat_map(|network| Ranges::from(network.net).iter().collect::<Vec<_>>());
    addresses.intersect(&nets.collect::<Ranges>().complement(Dimension::Source4.largest()))
}

/// Packets on the underlay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum OuterKind {
    Sent,
    Received,
    /// ICMP errors about sent packets, from any router: path MTU discovery needs them over IPv6.
    Errors,
}

/// The firewalls' decisions about the calls of each machine.
pub(super) struct UnderlayCalls<'a> {
    model: &'a Model,
    /// All endpoints of the tree.
    endpoints: BTreeMap<&'a Endpoint, usize>,
    /// For each kind of caller the decisions about all endpoints.
    decisions: Vec<Vec<Option<DroppedCall>>>,
    /// For each machine its kind of caller; none for a client.
    kind_of: Vec<Option<usize>>,
}

/// Nodes with the same firewall and `ListenPort` call in the same way.
type CallerKind = (usize, Option<u16>);

impl<'a> UnderlayCalls<'a> {
    pub(super) fn new(model: &'a Model, addresses: &UnderlayAddresses) -> Self {
        let mut endpoints = BTreeMap::new();
        for id in model.ids() {
            let named = model.files(id).and_then(|files| files.endpoints.as_ref());
            let named = named.into_iter().flat_map(|named| &named.content);
            let named = named.map(|(_, endpoint)| &endpoint.value);
            let peers = model.conf(id).peers.iter().filter_map(|peer| peer.endpoint.as_ref());
            for endpoint in peers.map(|endpoint| &endpoint.value).chain(named) {
                let next = endpoints.len();
                endpoints.entry(endpoint).or_insert(next);
            }
        }
        let mut kinds: Vec<CallerKind> = Vec::new();
        let kind_of = model.ids().map(|id| {
            let firewall = model.machine(id).node.as_ref()?.firewall;
            let kind = (firewall, model.conf(id).listen_port.map(|port| port.value));
            let found = kinds.iter().position(|known| *known == kind);
            Some(found.unwrap_or_else(|| {
                kinds.push(kind);
                kinds.len() - 1
            }))
        });
        let kind_of = kind_of.collect();
        let mut in_order: Vec<_> =
            endpoints.iter().map(|(one, position)| (*position, *one)).collect();
        in_order.sort_unstable_by_key(|(position, _)| *position);
        let decide = |kind: &CallerKind| decisions(model, addresses, *kind, &in_order);
        let decisions = kinds.par_iter().map(decide).collect();
        Self { model, endpoints, decisions, kind_of }
    }

    /// Why the packets of a machine to an endpoint, or their answers, are lost on the machine itself.
    pub(super) fn fault(&self, caller: MachineId, endpoint: &Endpoint) -> Option<ProofFinding> {
        self.route_fault(caller, endpoint).or_else(|| self.firewall_fault(caller, endpoint))
    }

    /// The route to an endpoint has to leave by the default route or a network of the site.
    fn route_fault(&self, caller: MachineId, endpoint: &Endpoint) -> Option<ProofFinding> {
        let address = match endpoint.host() {
            Host::V4(address) => address,
            Host::V6(_) => return None,
            Host::Name(name) => return self.name_fault(caller, name.as_str()),
        };
        let machine = self.model.machine(caller);
        let taken = machine.route(self.model.classes.class_of(*address), true);
        let (code, what) = match taken.target {
            RouteTarget::Public => return None,
            RouteTarget::Mesh => {
                (FindingCode::RoutingLoop, "into the mesh: WireGuard would send to itself")
            }
            RouteTarget::Pod => (FindingCode::NoRoute, "to its pods"),
            RouteTarget::Unreachable => (FindingCode::NoRoute, "to nowhere (unreachable)"),
        };
        let TakenRoute { place, origin, .. } = taken;
        let by = if origin == RouteOrigin::Guard { "the route guard" } else { "a route" };
        let message = format!("{by} of {} leads to the endpoint {endpoint} {what}", machine.name);
        Some(ProofFinding::new(code, place.unwrap_or(machine.file.whole()), message))
    }

    /// A name that `hosts` gives an address of the mesh, or of the host itself. Other names are asked of the
    /// host's resolver, which is an assumption. Clients have no `hosts`.
    fn name_fault(&self, caller: MachineId, name: &str) -> Option<ProofFinding> {
        self.model.files(caller)?;
        let hosts = &self.model.emitted.hosts;
        let mut entries = hosts.content.iter();
        // hosts(5): names have no case.
        let entry = entries.find(|entry| entry.name.eq_ignore_ascii_case(name))?;
        let machine = self.model.machine(caller);
        let taken = machine.route(self.model.classes.class_of(entry.address), true);
        let leaves = taken.target == RouteTarget::Public && !entry.address.is_loopback();
        let message = format!(
            "{name} is an endpoint, and has the address {} here: WireGuard's packets do not leave the host",
            entry.address
        );
        let place = hosts.file.line(entry.line);
        (!leaves).then(|| ProofFinding::new(FindingCode::RoutingLoop, place, message))
    }

    fn firewall_fault(&self, caller: MachineId, endpoint: &Endpoint) -> Option<ProofFinding> {
        let kind = self.kind_of[caller.index()]?;
        let position = *self.endpoints.get(endpoint)?;
        let DroppedCall { kind, hook, line } = self.decisions[kind][position]?;
        let machine = self.model.machine(caller);
        let what = match kind {
            OuterKind::Sent => "WireGuard's packets",
            OuterKind::Received => "the answers to WireGuard's packets",
            OuterKind::Errors => "ICMP errors about WireGuard's packets",
        };
        let message = format!("the firewall of {} drops {what} at {}", machine.name, hook.name());
        let file = machine.node.as_ref().map_or(machine.file, |host| host.firewall_file);
        Some(ProofFinding::new(FindingCode::FirewallDrops, file.line(line.unwrap_or(0)), message))
    }
}

/// Why a firewall drops calls of other machines, or the answers to them.
pub(super) fn listening_fault(
    model: &Model,
    addresses: &UnderlayAddresses,
    called: MachineId,
) -> Option<ProofFinding> {
    let machine = model.machine(called);
    let host = machine.node.as_ref()?;
    let port = model.conf(called).listen_port?.value;
    let callers = addresses.callers_of(model, called);
    let packets = OuterPackets::from_anywhere(addresses, callers, port);
    let DroppedCall { kind, line, .. } =
        packets.first_dropped(&model.firewalls[host.firewall].ruleset)?;
    let what = match kind {
        OuterKind::Sent | OuterKind::Received => "packets to WireGuard's port",
        OuterKind::Errors => "ICMP errors about packets from WireGuard's port",
    };
    let message = format!("the firewall of {} drops {what} {port}", machine.name);
    let place = host.firewall_file.line(line.unwrap_or(0));
    Some(ProofFinding::new(FindingCode::FirewallDrops, place, message))
}

/// Endpoints that a firewall does not distinguish.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum EndpointGroup<'a> {
    Address4(u16),
    Other(&'a Host),
}

fn decisions<'a>(
    model: &Model,
    addresses: &UnderlayAddresses,
    (firewall, listen_port): CallerKind,
    endpoints: &[(usize, &'a Endpoint)],
) -> Vec<Option<DroppedCall>> {
    let firewall = &model.firewalls[firewall];
    let mut known = BTreeMap::new();
    let decide = |endpoint: &'a Endpoint| {
        let group = match endpoint.host() {
            Host::V4(address) => {
                EndpointGroup::Address4(firewall.group(model.classes.class_of(*address)))
            }
            other @ (Host::V6(_) | Host::Name(_)) => EndpointGroup::Other(other),
        };
        let call = || OuterPackets::to_endpoint(addresses, endpoint, listen_port);
        let key = (endpoint.port(), group);
        *known.entry(key).or_insert_with(|| call().first_dropped(&firewall.ruleset))
    };
    endpoints.iter().map(|(_, endpoint)| *endpoint).map(decide).collect()
}

/// WireGuard's packets between a host and another machine, in both directions.
struct OuterPackets {
    sent: Vec<Region>,
    received: Vec<Region>,
    errors: Vec<Region>,
}

/// Errors in ICMP (IANA, "ICMP Type Numbers": destination unreachable, time exceeded, parameter problem),
/// and in ICMPv6 (packet too big too).
const ERRORS: [(u128, Dimension, u128, &[u128]); 2] =
    [(4, Dimension::Source4, 1, &[3, 11, 12]), (6, Dimension::Source6, 58, &[1, 2, 3, 4])];

/// Those of any router. It can have a private address, but none of the mesh.
fn errors(far: &Far) -> Vec<Region> {
    let of_family = |(family, source, protocol, types): (u128, Dimension, u128, &[u128])| {
        let types = types.iter().map(|number| (*number, *number)).collect::<Ranges>();
        let errors = Region::everything()
            .within(Dimension::Family, &Ranges::one(family))
            .within(Dimension::Protocol, &Ranges::one(protocol))
            .within(Dimension::IcmpType, &types)
            .within(Dimension::State, &states(&[ConntrackState::Related]));
        match source {
            Dimension::Source4 => errors
                .within(Dimension::Source4, &far.near4)
                .within(Dimension::Destination4, &far.near4),
            _ => errors,
        }
    };
    ERRORS.map(of_family).into()
}

fn states(states: &[ConntrackState]) -> Ranges {
    states.iter().map(|state| (*state as u128, *state as u128)).collect()
}

fn udp(source: (u128, u128), destination: (u128, u128)) -> Region {
    Region::everything()
        .within(Dimension::Protocol, &Ranges::one(UDP))
        .within(Dimension::SourcePort, &[source].into_iter().collect())
        .within(Dimension::DestinationPort, &[destination].into_iter().collect())
}

const BOTH: [ConntrackState; 2] = [ConntrackState::New, ConntrackState::Established];
const KNOWN: [ConntrackState; 1] = [ConntrackState::Established];

impl OuterPackets {
    /// The calls to an endpoint, and their answers.
    fn to_endpoint(
        addresses: &UnderlayAddresses,
        endpoint: &Endpoint,
        listen_port: Option<u16>,
    ) -> Self {
        let far = Far::of(addresses, Some(endpoint.host()));
        let one = |port: u16| (u128::from(port), u128::from(port));
        let there = endpoint.port().map_or(EVERY_PORT, |port| one(port.get()));
        let own = listen_port.map_or(EVERY_PORT, one);
        Self {
            sent: far.regions(&udp(own, there), Direction::To, &BOTH),
            received: far.regions(&udp(there, own), Direction::From, &KNOWN),
            errors: errors(&far),
        }
    }

    /// The calls of any machine to a port, and their answers.
    fn from_anywhere(addresses: &UnderlayAddresses, callers: Ranges, listen_port: u16) -> Self {
        let far = Far { v4: Some(callers), ..Far::of(addresses, None) };
        let own = (listen_port.into(), listen_port.into());
        Self {
            sent: far.regions(&udp(own, EVERY_PORT), Direction::To, &KNOWN),
            received: far.regions(&udp(EVERY_PORT, own), Direction::From, &BOTH),
            errors: errors(&far),
        }
    }

    fn first_dropped(self, ruleset: &Ruleset) -> Option<DroppedCall> {
        let public = ruleset.interfaces.of(Interface::Public);
        let by = |dimension, regions: Vec<Region>| {
            regions.into_iter().map(|region| region.within(dimension, &public)).collect::<Vec<_>>()
        };
        let sent = by(Dimension::OutInterface, self.sent);
        let received = by(Dimension::InInterface, self.received);
        let errors = by(Dimension::InInterface, self.errors);
        let ways = [
            (OuterKind::Sent, [Hook::Output, Hook::Postrouting], sent),
            (OuterKind::Received, [Hook::Prerouting, Hook::Input], received),
            (OuterKind::Errors, [Hook::Prerouting, Hook::Input], errors),
        ];
        ways.into_iter().find_map(|(kind, hooks, regions)| {
            let (hook, line) = first_dropped(ruleset, hooks, regions)?;
            Some(DroppedCall { kind, hook, line })
        })
    }
}

fn first_dropped(
    ruleset: &Ruleset,
    [first, second]: [Hook; 2],
    regions: Vec<Region>,
) -> Option<(Hook, Option<u32>)> {
    let dropped = |hooks: &[Hook], hook, regions| {
        let through = admit_through(ruleset, hooks, regions);
        through.dropped.first().map(|one| (hook, one.line))
    };
    let early = dropped(&[first], first, regions.clone());
    early.or_else(|| dropped(&[first, second], second, regions))
}

#[derive(Clone, Copy)]
enum Direction {
    To,
    From,
}

/// The addresses of the two ends.
struct Far {
    v4: Option<Ranges>,
    v6: Option<Ranges>,
    /// The IPv4 addresses that the host's own public side can have.
    near4: Ranges,
}

impl Far {
    /// A name has any address; so has a machine behind NAT.
    fn of(addresses: &UnderlayAddresses, host: Option<&Host>) -> Self {
        let near4 = addresses.hosts.clone();
        let (v4, v6) = match host {
            Some(Host::V4(address)) => (Some(Ranges::one(u32::from(*address).into())), None),
            Some(Host::V6(address)) => (None, Some(Ranges::one(u128::from(*address)))),
            Some(Host::Name(_)) | None => {
                (Some(addresses.callers.clone()), Some(Ranges::span(0, u128::MAX)))
            }
        };
        Self { v4, v6, near4 }
    }

    fn regions(
        &self,
        packets: &Region,
        direction: Direction,
        in_states: &[ConntrackState],
    ) -> Vec<Region> {
        let (near, of_v4, of_v6) = match direction {
            Direction::To => (Dimension::Source4, Dimension::Destination4, Dimension::Destination6),
            Direction::From => (Dimension::Destination4, Dimension::Source4, Dimension::Source6),
        };
        let packets = packets.clone().within(Dimension::State, &states(in_states));
        let of_family = |family, dimension, addresses: &Option<Ranges>| {
            let packets = packets.clone().within(Dimension::Family, &Ranges::one(family));
            addresses.as_ref().map(|addresses| packets.within(dimension, addresses))
        };
        let v4 = of_family(4, of_v4, &self.v4).map(|region| region.within(near, &self.near4));
        let both = [v4, of_family(6, of_v6, &self.v6)];
        both.into_iter().flatten().collect()
    }
}
