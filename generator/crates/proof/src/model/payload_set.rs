//! Sets of payloads. A flow is proven for a whole set at once: its packets, their answers and the ICMP
//! errors about them.

use std::collections::BTreeMap;

use super::packet::{ConntrackState, PacketPayload};
use crate::space::{Dimension, Ranges, Region};

/// The payloads of a flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct FlowPayloads {
    /// One of them: reports show it.
    pub sample: PacketPayload,
    /// All of them.
    pub range: PayloadRange,
}

/// Which payloads a flow has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum PayloadRange {
    /// Those to the port of the sample, from every ephemeral port; for ICMP, those of its type.
    Port,
    /// TCP, UDP and SCTP from every ephemeral port to every port, and echo requests.
    Every,
    /// TCP, UDP and SCTP from every ephemeral port to these ports, first and last.
    Ports(u16, u16),
    /// Every payload without this TCP port.
    EveryButTcp(u16),
    /// Every payload without DNS, port 53 of TCP and UDP (RFC 1035), and time, port 123 of UDP (RFC 5905).
    EveryButDnsAndTime,
}

impl FlowPayloads {
    /// Those to the port of the sample.
    #[must_use]
    pub const fn only(sample: PacketPayload) -> Self {
        Self { sample, range: PayloadRange::Port }
    }

    /// Every payload.
    #[must_use]
    pub const fn every(sample: PacketPayload) -> Self {
        Self { sample, range: PayloadRange::Every }
    }

    /// Those of TCP, UDP and SCTP to a range of ports.
    #[must_use]
    pub const fn to_ports(sample: PacketPayload, first: u16, last: u16) -> Self {
        Self { sample, range: PayloadRange::Ports(first, last) }
    }

    /// Every payload but those to one TCP port.
    #[must_use]
    pub const fn every_but_tcp(sample: PacketPayload, port: u16) -> Self {
        Self { sample, range: PayloadRange::EveryButTcp(port) }
    }

    /// Every payload but DNS and time.
    #[must_use]
    pub const fn every_but_dns_and_time(sample: PacketPayload) -> Self {
        Self { sample, range: PayloadRange::EveryButDnsAndTime }
    }

    fn regions(self) -> Vec<Region> {
        let echo = icmp(&[ECHO_REQUEST]);
        let every = [with_ports(&[TCP, UDP, SCTP]), echo];
        match self.range {
            PayloadRange::Port if self.sample.protocol == ICMP => {
                vec![icmp(&[self.sample.icmp_type])]
            }
            PayloadRange::Port => {
                let port = Ranges::one(self.sample.destination_port.into());
                let region = with_ports(&[self.sample.protocol]);
                vec![region.within(Dimension::DestinationPort, &port)]
            }
            PayloadRange::Every => every.into(),
            PayloadRange::Ports(first, last) => {
                let ports = Ranges::span(first.into(), last.into());
                let region = with_ports(&[TCP, UDP, SCTP]);
                vec![region.within(Dimension::DestinationPort, &ports)]
            }
            PayloadRange::EveryButTcp(port) => {
                let closed = with_ports(&[TCP])
                    .within(Dimension::DestinationPort, &Ranges::one(port.into()));
                every.iter().flat_map(|region| region.subtract(&closed)).collect()
            }
            PayloadRange::EveryButDnsAndTime => {
                let to = |protocols: &[u8], port: u16| {
                    with_ports(protocols)
                        .within(Dimension::DestinationPort, &Ranges::one(port.into()))
                };
                let (dns, time) = (to(&[TCP, UDP], DNS), to(&[UDP], TIME));
                let without_dns = every.iter().flat_map(|region| region.subtract(&dns));
                without_dns.flat_map(|region| region.subtract(&time)).collect()
            }
        }
    }
}

/// The port of DNS (RFC 1035, section 4.2).
pub(crate) const DNS: u16 = 53;
/// The port of NTP (RFC 5905, section 7.2).
pub(crate) const TIME: u16 = 123;

const ICMP: u8 = 1;
const TCP: u8 = 6;
const UDP: u8 = 17;
const SCTP: u8 = 132;

const ECHO_REQUEST: u8 = 8;
const ECHO_REPLY: u8 = 0;

/// The ICMP errors that hosts act on: destination unreachable (path MTU discovery needs it), time
/// exceeded, parameter problem (IANA, "ICMP Type Numbers"). conntrack calls them `related`.
const ERRORS: [u8; 3] = [3, 11, 12];

fn numbers(values: &[u8]) -> Ranges {
    values.iter().map(|value| (u128::from(*value), u128::from(*value))).collect()
}

/// The ports from which programs call (Linux, `ip_local_port_range`).
pub(crate) const EPHEMERAL: (u128, u128) = (32_768, 60_999);

/// All packets of protocols with ports. Port 0 is not used (IANA).
fn with_ports(protocols: &[u8]) -> Region {
    Region::everything()
        .within(Dimension::Protocol, &numbers(protocols))
        .within(Dimension::SourcePort, &Ranges::span(EPHEMERAL.0, EPHEMERAL.1))
        .within(Dimension::DestinationPort, &Ranges::span(1, u16::MAX.into()))
}

fn icmp(types: &[u8]) -> Region {
    Region::everything()
        .within(Dimension::Protocol, &numbers(&[ICMP]))
        .within(Dimension::IcmpType, &numbers(types))
}

fn in_state(region: Region, state: ConntrackState) -> Region {
    region.within(Dimension::State, &Ranges::one(state as u128))
}

/// A set of payloads: its position in [`PayloadSets`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct PayloadSet(u32);

impl PayloadSet {
    /// Its number.
    #[must_use]
    pub const fn number(self) -> u32 {
        self.0
    }
}

/// The port of an endpoint to which a Service translates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum TargetPort {
    /// This one.
    Only(u16),
    /// Any: Services may have any pair of ports. Reports show this one.
    Any(u16),
}

impl TargetPort {
    /// One of the ports.
    #[must_use]
    pub const fn sample(self) -> u16 {
        match self {
            Self::Only(port) | Self::Any(port) => port,
        }
    }

    fn ports(self) -> Ranges {
        match self {
            Self::Only(port) => Ranges::one(port.into()),
            Self::Any(_) => Ranges::span(1, u16::MAX.into()),
        }
    }
}

/// Which packets of a set have to arrive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reach {
    /// All, and the ICMP errors about them.
    Every,
    /// Any: those that pass a hook go on.
    Any,
}

/// The sets that a walk has met, each once.
#[derive(Debug, Default)]
pub struct PayloadSets {
    known: Vec<KnownSet>,
    of_flows: Vec<(FlowPayloads, PayloadSet)>,
    derived: BTreeMap<(PayloadSet, Derivation), PayloadSet>,
}

#[derive(Debug, PartialEq, Eq)]
struct KnownSet {
    regions: Vec<Region>,
    sample: PacketPayload,
}

/// How a set is made from another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Derivation {
    Answer(Reach),
    Later(Reach),
    ToPort(TargetPort),
}

impl PayloadSets {
    /// The first packets of a flow.
    pub fn of_flow(&mut self, payloads: FlowPayloads) -> PayloadSet {
        let known = self.of_flows.iter().find(|(other, _)| *other == payloads);
        if let Some((_, set)) = known {
            return *set;
        }
        let regions = payloads.regions().into_iter();
        let regions = regions.map(|region| in_state(region, ConntrackState::New)).collect();
        let set = self.set(regions, payloads.sample);
        self.of_flows.push((payloads, set));
        set
    }

    /// A set of payloads.
    pub(crate) fn set(&mut self, regions: Vec<Region>, sample: PacketPayload) -> PayloadSet {
        let wanted = KnownSet { regions, sample };
        let found = self.known.iter().position(|known| *known == wanted);
        let position = found.unwrap_or_else(|| {
            self.known.push(wanted);
            self.known.len() - 1
        });
        PayloadSet(u32::try_from(position).unwrap_or(u32::MAX))
    }

    /// Its payloads.
    pub(crate) fn regions(&self, set: PayloadSet) -> &[Region] {
        &self.known[set.0 as usize].regions
    }

    /// One of its payloads.
    #[must_use]
    pub fn sample(&self, set: PayloadSet) -> PacketPayload {
        self.known[set.0 as usize].sample
    }

    /// The answers to the first packets of a flow.
    pub fn answers(&mut self, first: PayloadSet, reach: Reach) -> PayloadSet {
        self.derive(first, Derivation::Answer(reach), |known| {
            let regions = known.regions.iter().map(mirrored).collect();
            (later(regions, reach), known.sample.answer())
        })
    }

    /// The packets that follow the answers.
    pub fn later(&mut self, first: PayloadSet, reach: Reach) -> PayloadSet {
        self.derive(first, Derivation::Later(reach), |known| {
            (later(known.regions.clone(), reach), known.sample)
        })
    }

    /// The same to another port, as a Service translates it.
    pub fn to_port(&mut self, set: PayloadSet, port: TargetPort) -> PayloadSet {
        self.derive(set, Derivation::ToPort(port), |known| {
            let regions = known.regions.iter().map(|region| {
                let is_error = region.get(Dimension::DestinationPort).is_none();
                let moved = region.clone().without(&[Dimension::DestinationPort]);
                if is_error {
                    return moved;
                }
                moved.within(Dimension::DestinationPort, &port.ports())
            });
            (regions.collect(), known.sample.to_port(port.sample()))
        })
    }

    fn derive(
        &mut self,
        from: PayloadSet,
        how: Derivation,
        make: impl FnOnce(&KnownSet) -> (Vec<Region>, PacketPayload),
    ) -> PayloadSet {
        if let Some(known) = self.derived.get(&(from, how)) {
            return *known;
        }
        let (regions, sample) = make(&self.known[from.0 as usize]);
        let set = self.set(regions, sample);
        self.derived.insert((from, how), set);
        set
    }
}

/// Packets of a known connection, and the errors about them.
fn later(regions: Vec<Region>, reach: Reach) -> Vec<Region> {
    let established = regions.into_iter().map(|region| {
        let region = region.without(&[Dimension::State]);
        in_state(region, ConntrackState::Established)
    });
    let errors = match reach {
        Reach::Every => Some(in_state(icmp(&ERRORS), ConntrackState::Related)),
        Reach::Any => None,
    };
    established.chain(errors).collect()
}

/// The answers to the packets of a region.
fn mirrored(region: &Region) -> Region {
    let ports = [Dimension::SourcePort, Dimension::DestinationPort];
    let [from, to] = ports.map(|dimension| region.get(dimension).cloned());
    let mut answer = region.clone().without(&ports);
    for (dimension, ranges) in ports.into_iter().zip([to, from]) {
        answer = ranges.iter().fold(answer, |answer, ranges| answer.within(dimension, ranges));
    }
    if answer.get(Dimension::IcmpType).is_none() {
        return answer;
    }
    answer.without(&[Dimension::IcmpType]).within(Dimension::IcmpType, &numbers(&[ECHO_REPLY]))
}

/// The packet of a region that is nearest to a sample, to name it in a report.
#[must_use]
pub(crate) fn witness(region: &Region, sample: PacketPayload) -> PacketPayload {
    let nearest = |dimension, wanted: u16| {
        let wanted = u128::from(wanted);
        let value = match region.get(dimension) {
            Some(ranges) if !ranges.contains(wanted) => ranges.first().unwrap_or(wanted),
            _ => wanted,
        };
        u16::try_from(value).unwrap_or(u16::MAX)
    };
    let byte =
        |dimension, wanted: u8| u8::try_from(nearest(dimension, wanted.into())).unwrap_or(u8::MAX);
    PacketPayload {
        protocol: byte(Dimension::Protocol, sample.protocol),
        source_port: nearest(Dimension::SourcePort, sample.source_port),
        destination_port: nearest(Dimension::DestinationPort, sample.destination_port),
        icmp_type: byte(Dimension::IcmpType, sample.icmp_type),
    }
}

/// Whether a region holds a payload, in any state of conntrack.
#[must_use]
pub(crate) fn holds(region: &Region, payload: PacketPayload) -> bool {
    witness(region, payload) == payload
}
