//! Packets: the properties that hooks and routes compare.

use super::address_class::AddressClass;
use crate::space::Ranges;

/// A packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Packet {
    /// The source address.
    pub source: AddressClass,
    /// The destination address.
    pub destination: AddressClass,
    /// The content.
    pub payload: PacketPayload,
    /// Its size with the IP header, in bytes.
    pub size: u16,
}

impl Packet {
    /// The answer to it.
    #[must_use]
    pub const fn answer(self) -> Self {
        Self {
            source: self.destination,
            destination: self.source,
            payload: self.payload.answer(),
            size: self.size,
        }
    }
}

/// The content of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct PacketPayload {
    /// The protocol's number (IANA).
    pub protocol: u8,
    /// The source port.
    pub source_port: u16,
    /// The destination port.
    pub destination_port: u16,
    /// The type of an ICMP message.
    pub icmp_type: u8,
}

/// An ephemeral source port (Linux, `ip_local_port_range`: 32768 to 60999).
const EPHEMERAL: u16 = 40_000;

const ICMP_ECHO_REQUEST: u8 = 8;

impl PacketPayload {
    /// A TCP segment to this port.
    #[must_use]
    pub const fn tcp(port: u16) -> Self {
        Self { protocol: 6, source_port: EPHEMERAL, destination_port: port, icmp_type: 0 }
    }

    /// A UDP datagram to this port.
    #[must_use]
    pub const fn udp(port: u16) -> Self {
        Self { protocol: 17, source_port: EPHEMERAL, destination_port: port, icmp_type: 0 }
    }

    /// An echo request.
    #[must_use]
    pub const fn ping() -> Self {
        Self { protocol: 1, source_port: 0, destination_port: 0, icmp_type: ICMP_ECHO_REQUEST }
    }

    /// The same to another port, as a Service translates it.
    #[must_use]
    pub const fn to_port(self, port: u16) -> Self {
        Self { destination_port: port, ..self }
    }

    /// The answer to it.
    #[must_use]
    pub const fn answer(self) -> Self {
        Self {
            source_port: self.destination_port,
            destination_port: self.source_port,
            icmp_type: if self.protocol == 1 { 0 } else { self.icmp_type },
            ..self
        }
    }
}

impl std::fmt::Display for PacketPayload {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let name = match self.protocol {
            1 => return f.write_str(icmp_name(self.icmp_type)),
            6 => "TCP",
            17 => "UDP",
            132 => "SCTP",
            other => return write!(f, "protocol {other}"),
        };
        match self.destination_port {
            EPHEMERAL => write!(f, "the answer of {name} port {}", self.source_port),
            port => write!(f, "{name} to port {port}"),
        }
    }
}

/// IANA, "ICMP Type Numbers".
const fn icmp_name(number: u8) -> &'static str {
    match number {
        0 => "an ICMP echo reply",
        3 => "an ICMP error (destination unreachable)",
        8 => "an ICMP echo request",
        11 => "an ICMP error (time exceeded)",
        12 => "an ICMP error (parameter problem)",
        _ => "an ICMP message",
    }
}

/// The state of a packet in conntrack, by its number in
/// [`Dimension::State`](crate::space::Dimension::State).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ConntrackState {
    /// It belongs to no connection.
    Invalid = 0,
    /// It begins a connection.
    New = 1,
    /// It belongs to a known connection.
    Established = 2,
    /// It is related to a known connection, such as an ICMP error.
    Related = 3,
    /// conntrack ignores it.
    Untracked = 4,
}

impl ConntrackState {
    /// The states of packets that a host must not lose.
    pub(crate) fn valid() -> Ranges {
        Ranges::span(Self::New as u128, Self::Related as u128)
    }
}

/// What a host's conntrack knows about a packet's connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConntrackView {
    /// Whether the host has translated the destination.
    pub translated: bool,
    /// The destination before the translation.
    pub original: AddressClass,
}
