//! Values in conditions: addresses, ports, protocols, types.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

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
    /// `nf_proto`
    Family,
    /// `ether_type`, of IP only
    LinkProtocol,
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
            Self::Port => named(&[PORTS], word).or_else(|| numbers::<u16>(word)),
            Self::Protocol => named(&[PROTOCOLS], word).or_else(|| numbers::<u8>(word)),
            Self::Family => named(&[FAMILIES], word),
            Self::LinkProtocol => named(&[LINK_PROTOCOLS], word),
            Self::Icmp => {
                named(&[ICMP_TYPES, RARE_ICMP_TYPES], word).or_else(|| numbers::<u8>(word))
            }
            Self::Icmp6 => {
                named(&[ICMP6_TYPES, RARE_ICMP6_TYPES], word).or_else(|| numbers::<u8>(word))
            }
        }
    }
}

/// nft's names of `ether_type` for IP, with its versions.
const LINK_PROTOCOLS: &[(&str, u8)] = &[("ip", 4), ("ip6", 6)];

/// nft's names of `nf_proto`, with the versions of IP.
const FAMILIES: &[(&str, u8)] = &[("ipv4", 4), ("ipv6", 6)];

/// Services of every /etc/services. Others could be missing on a host.
const PORTS: &[(&str, u8)] = &[("ssh", 22), ("domain", 53), ("http", 80), ("ntp", 123)];

/// IANA, "Protocol Numbers", by names that nft(8) knows without /etc/protocols.
const PROTOCOLS: &[(&str, u8)] = &[
    ("icmp", 1),
    ("tcp", 6),
    ("udp", 17),
    ("dccp", 33),
    ("esp", 50),
    ("ah", 51),
    ("icmpv6", 58),
    ("ipv6-icmp", 58),
    ("comp", 108),
    ("sctp", 132),
    ("udplite", 136),
];

/// IANA, "ICMP Type Numbers", by nft's names: those that hosts use today.
pub(crate) const ICMP_TYPES: &[(&str, u8)] = &[
    ("echo-reply", 0),
    ("destination-unreachable", 3),
    ("echo-request", 8),
    ("time-exceeded", 11),
    ("parameter-problem", 12),
];

/// The others of nft's names.
const RARE_ICMP_TYPES: &[(&str, u8)] = &[
    ("source-quench", 4),
    ("redirect", 5),
    ("router-advertisement", 9),
    ("router-solicitation", 10),
    ("timestamp-request", 13),
    ("timestamp-reply", 14),
    ("info-request", 15),
    ("info-reply", 16),
    ("address-mask-request", 17),
    ("address-mask-reply", 18),
];

/// IANA, "ICMPv6 Type Numbers", by nft's names: those that hosts need.
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

/// The others of nft's names.
const RARE_ICMP6_TYPES: &[(&str, u8)] = &[
    ("mld-listener-reduction", 132),
    ("nd-redirect", 137),
    ("router-renumbering", 138),
    ("ind-neighbor-solicit", 141),
    ("ind-neighbor-advert", 142),
];

fn named(lists: &[&[(&str, u8)]], word: &str) -> Option<(u128, u128)> {
    let mut known = lists.iter().copied().flatten();
    let (_, number) = known.find(|(name, _)| *name == word)?;
    Some(((*number).into(), (*number).into()))
}

/// A number, or a range of numbers. nft reads a leading zero as octal: such numbers are refused.
fn numbers<T: FromStr + Into<u128>>(word: &str) -> Option<(u128, u128)> {
    let number = |text: &str| -> Option<u128> {
        let plain = text.bytes().all(|byte| byte.is_ascii_digit());
        let octal = text.len() > 1 && text.starts_with('0');
        (plain && !octal).then(|| text.parse::<T>().ok().map(Into::into)).flatten()
    };
    let (first, last) = word.split_once('-').unwrap_or((word, word));
    in_order(number(first)?, number(last)?)
}

fn in_order(first: u128, last: u128) -> Option<(u128, u128)> {
    (first <= last).then_some((first, last))
}

fn address4(word: &str) -> Option<(u128, u128)> {
    let number = |text: &str| Some(u128::from(u32::from(text.parse::<Ipv4Addr>().ok()?)));
    if let Some((first, last)) = word.split_once('-') {
        return in_order(number(first)?, number(last)?);
    }
    if let Some(number) = number(word) {
        return Some((number, number));
    }
    let net: Ipv4Net = word.parse().ok().filter(|net: &Ipv4Net| net.trunc() == *net)?;
    Some((u32::from(net.network()).into(), u32::from(net.broadcast()).into()))
}

fn address6(word: &str) -> Option<(u128, u128)> {
    let number = |text: &str| Some(u128::from(text.parse::<Ipv6Addr>().ok()?));
    if let Some((first, last)) = word.split_once('-') {
        return in_order(number(first)?, number(last)?);
    }
    if let Some(number) = number(word) {
        return Some((number, number));
    }
    let net: Ipv6Net = word.parse().ok().filter(|net: &Ipv6Net| net.trunc() == *net)?;
    Some((net.network().into(), net.broadcast().into()))
}
