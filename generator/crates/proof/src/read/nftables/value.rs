//! Values in conditions: addresses, ports, protocols, types.

use std::net::{Ipv4Addr, Ipv6Addr};

use ipnet::{Ipv4Net, Ipv6Net};

/// A type of values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NftType {
    /// `ipv4_addr`
    Address4,
    /// `ipv6_addr`
    Address6,
    /// `inet_service`
    Port,
    /// `inet_proto`
    Protocol,
    /// `icmp_type`
    Icmp,
    /// `icmpv6_type`
    Icmp6,
}

impl NftType {
    /// The first and last number of a word.
    pub(super) fn span(self, word: &str) -> Option<(u128, u128)> {
        match self {
            Self::Address4 => address4(word),
            Self::Address6 => address6(word),
            Self::Port => port(word),
            Self::Protocol => one(named(PROTOCOLS, word)?),
            Self::Icmp => one(named(ICMP_TYPES, word)?),
            Self::Icmp6 => one(named(ICMP6_TYPES, word)?),
        }
    }
}

/// IANA, "Protocol Numbers", by names that nft(8) knows without /etc/protocols.
const PROTOCOLS: &[(&str, u8)] = &[("icmp", 1), ("tcp", 6), ("udp", 17), ("icmpv6", 58)];

/// IANA, "ICMP Type Numbers", by nft's names.
pub(crate) const ICMP_TYPES: &[(&str, u8)] = &[
    ("echo-reply", 0),
    ("destination-unreachable", 3),
    ("echo-request", 8),
    ("time-exceeded", 11),
    ("parameter-problem", 12),
];

/// IANA, "ICMPv6 Type Numbers", by nft's names.
pub(crate) const ICMP6_TYPES: &[(&str, u8)] = &[
    ("destination-unreachable", 1),
    ("packet-too-big", 2),
    ("time-exceeded", 3),
    ("parameter-problem", 4),
    ("echo-request", 128),
    ("echo-reply", 129),
    ("mld-listener-query", 130),
    ("mld-listener-report", 131),
    ("mld-listener-done", 132),
    ("nd-router-solicit", 133),
    ("nd-router-advert", 134),
    ("nd-neighbor-solicit", 135),
    ("nd-neighbor-advert", 136),
    ("mld2-listener-report", 143),
];

fn named(names: &[(&str, u8)], word: &str) -> Option<u8> {
    names.iter().find(|(name, _)| *name == word).map(|(_, number)| *number)
}

fn one(number: u8) -> Option<(u128, u128)> {
    Some((number.into(), number.into()))
}

fn address4(word: &str) -> Option<(u128, u128)> {
    if let Ok(address) = word.parse::<Ipv4Addr>() {
        let number = u32::from(address).into();
        return Some((number, number));
    }
    let net: Ipv4Net = word.parse().ok().filter(|net: &Ipv4Net| net.trunc() == *net)?;
    Some((u32::from(net.network()).into(), u32::from(net.broadcast()).into()))
}

fn address6(word: &str) -> Option<(u128, u128)> {
    if let Ok(address) = word.parse::<Ipv6Addr>() {
        return Some((address.into(), address.into()));
    }
    let net: Ipv6Net = word.parse().ok().filter(|net: &Ipv6Net| net.trunc() == *net)?;
    Some((net.network().into(), net.broadcast().into()))
}

fn port(word: &str) -> Option<(u128, u128)> {
    let (first, last) = word.split_once('-').unwrap_or((word, word));
    let (first, last) = (first.parse::<u16>().ok()?, last.parse::<u16>().ok()?);
    (first <= last).then_some((first.into(), last.into()))
}
