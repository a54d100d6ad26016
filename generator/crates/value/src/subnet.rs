//! Networks: an address and a prefix length.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use ipnet::{IpNet, Ipv4Net};

use super::{Form, Malformed, Text};

/// An IPv4 network without host bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
pub struct Subnet(Ipv4Net);

impl Subnet {
    /// The network of `net`: host bits are cleared.
    #[must_use]
    pub fn new(net: Ipv4Net) -> Self {
        Self(net.trunc())
    }

    /// The network `a.b.c.d/prefix_len`, for constants; host bits are cleared.
    ///
    /// # Panics
    ///
    /// When `prefix_len` is above 32; in a constant that does not compile.
    #[must_use]
    pub const fn from_parts(a: u8, b: u8, c: u8, d: u8, prefix_len: u8) -> Self {
        let bits = u32::from_be_bytes([a, b, c, d]);
        let host_bits = u32::MAX.unbounded_shr(prefix_len as u32);
        Self(Ipv4Net::new_assert(Ipv4Addr::from_bits(bits & !host_bits), prefix_len))
    }

    /// The network as `ipnet` has it.
    #[must_use]
    pub const fn net(&self) -> Ipv4Net {
        self.0
    }

    /// The first address.
    #[must_use]
    pub fn network(&self) -> Ipv4Addr {
        self.0.network()
    }

    /// The number of leading bits that all addresses share.
    #[must_use]
    pub const fn prefix_len(&self) -> u8 {
        self.0.prefix_len()
    }

    /// Whether some address is in both.
    #[must_use]
    pub fn overlaps(&self, other: &Self) -> bool {
        self.contains(other) || other.contains(self)
    }

    /// Whether all addresses of `other` are in this one.
    #[must_use]
    pub fn contains(&self, other: &Self) -> bool {
        self.0.contains(&other.0)
    }

    /// Whether `address` is in it.
    #[must_use]
    pub fn contains_address(&self, address: Ipv4Addr) -> bool {
        self.0.contains(&address)
    }
}

impl Text for Subnet {
    const EXPECTED: &'static str = "an IPv4 network such as `10.66.66.0/24`";
    const FORM: Form = Form::Pattern(r"^[0-9]{1,3}(\.[0-9]{1,3}){3}/[0-9]{1,2}$");

    fn parse(text: &str) -> Result<Self, Malformed> {
        match text.parse::<IpNet>() {
            Ok(IpNet::V4(net)) => without_host_bits(net.into(), text).map(|()| Self(net)),
            Ok(IpNet::V6(_)) => Err(ipv6(text)),
            Err(_) => Err(no_subnet(text)),
        }
    }
}

impl fmt::Display for Subnet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

fn ipv6(text: &str) -> Malformed {
    let message = format!("`{text}` is IPv6, but the mesh is IPv4");
    Malformed::new(message, "expected an IPv4 network")
}

fn without_host_bits(net: IpNet, text: &str) -> Result<(), Malformed> {
    match net.trunc() {
        truncated if truncated == net => Ok(()),
        truncated => {
            Err(Malformed::new(format!("`{text}` has host bits set"), "host bits")
                .suggest(truncated))
        }
    }
}

fn no_subnet(text: &str) -> Malformed {
    if let Ok(address) = text.parse::<IpAddr>() {
        return without_prefix(address, text);
    }
    let refusal =
        Malformed::new(format!("`{text}` is not a valid IPv4 network"), "not a valid IPv4 network");
    match from_netmask(text) {
        Some(net) => refusal.suggest(net.trunc()),
        None => refusal.help("write an address and a prefix length, such as `10.66.66.0/24`"),
    }
}

/// `10.0.0.0/255.0.0.0`, as routers write it.
fn from_netmask(text: &str) -> Option<Ipv4Net> {
    let (address, netmask) = text.split_once('/')?;
    Ipv4Net::with_netmask(address.parse().ok()?, netmask.parse().ok()?).ok()
}

/// The prefix length of a network that ends in zero octets is probably where they start. No guess
/// is made for other networks.
fn without_prefix(address: IpAddr, text: &str) -> Malformed {
    let IpAddr::V4(address) = address else { return ipv6(text) };
    let refusal = Malformed::new(format!("`{text}` has no prefix length"), "prefix length missing");
    match address.octets() {
        [0, ..] => refusal.help("append the prefix length, as in `10.66.66.0/24`"),
        [_, 0, 0, 0] => refusal.did_you_mean(format!("{text}/8")),
        [_, _, 0, 0] => refusal.did_you_mean(format!("{text}/16")),
        [_, _, _, 0] => refusal.did_you_mean(format!("{text}/24")),
        [a, b, c, _] => refusal.help(format!("write the network, such as `{a}.{b}.{c}.0/24`")),
    }
}

/// An IPv4 or IPv6 network from which packets may come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
pub struct SourceNet(IpNet);

impl SourceNet {
    /// The network as `ipnet` has it.
    #[must_use]
    pub const fn net(&self) -> IpNet {
        self.0
    }

    /// Whether it is one of IPv4.
    #[must_use]
    pub const fn is_ipv4(&self) -> bool {
        matches!(self.0, IpNet::V4(_))
    }

    /// Whether it is the whole Internet of its family.
    #[must_use]
    pub fn is_everything(&self) -> bool {
        self.0.prefix_len() == 0
    }
}

impl Text for SourceNet {
    const EXPECTED: &'static str = "an IPv4 or IPv6 network such as `203.0.113.0/24`";
    const FORM: Form = Form::Pattern(r"^[0-9A-Fa-f:.]+(/[0-9]{1,3})?$");

    /// An address without prefix length is that host alone.
    fn parse(text: &str) -> Result<Self, Malformed> {
        let Ok(net) = text.parse::<IpAddr>().map(IpNet::from).or_else(|_| text.parse::<IpNet>())
        else {
            return Err(no_source(text));
        };
        if net.addr().is_unspecified() && net.prefix_len() == net.max_prefix_len() {
            return Err(one_unspecified_address(net, text));
        }
        without_host_bits(net, text).map(|()| Self(net))
    }
}

/// `0.0.0.0` and `::` without a prefix length are one address, which no packet comes from. People
/// who write it mean every address.
fn one_unspecified_address(net: IpNet, text: &str) -> Malformed {
    let message = format!("`{text}` is one address, which no packet comes from");
    let every = if net.addr().is_ipv4() { "0.0.0.0/0" } else { "::/0" };
    Malformed::new(message, "the unspecified address")
        .help(format!("write `{every}` for every address, or the addresses that you mean"))
}

/// Refuses a word for every address, and a network with a port.
fn no_source(text: &str) -> Malformed {
    let refusal = Malformed::new(format!("`{text}` is not a valid network"), "not a valid network");
    let word = text.trim().to_ascii_lowercase();
    if ["*", "0/0", "all", "any", "anywhere", "everywhere", "internet"].contains(&word.as_str()) {
        return refusal.help("write `0.0.0.0/0` and `::/0` for every address");
    }
    match text.parse::<SocketAddr>() {
        Ok(socket) => refusal.did_you_mean(socket.ip()),
        Err(_) => refusal.help("write it as `203.0.113.0/24`, `2001:db8::/32` or one address"),
    }
}

impl fmt::Display for SourceNet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::{accepts, means, refuses};

    const NODES: Subnet = Subnet::from_parts(10, 66, 66, 9, 24);
    const ALL: Subnet = Subnet::from_parts(0, 0, 0, 0, 0);

    #[test]
    fn takes_networks() {
        accepts::<Subnet>(&[("10.66.66.0/24", "10.66.66.0/24"), ("0.0.0.0/0", "0.0.0.0/0")]);
        accepts::<SourceNet>(&[
            ("203.0.113.7", "203.0.113.7/32"),
            ("2001:DB8::1", "2001:db8::1/128"),
            ("::/0", "::/0"),
        ]);
    }

    #[test]
    fn explains_words_for_every_address() {
        let every = "write `0.0.0.0/0` and `::/0` for every address";
        refuses::<SourceNet>(&[
            ("any", "`any` is not a valid network", "not a valid network", every),
            ("0/0", "`0/0` is not a valid network", "not a valid network", every),
        ]);
    }

    #[test]
    fn corrects() {
        refuses::<Subnet>(&[
            (
                "10.66.66.1/24",
                "`10.66.66.1/24` has host bits set",
                "host bits",
                "did you mean `10.66.66.0/24`?",
            ),
            (
                "10.244.0.0",
                "`10.244.0.0` has no prefix length",
                "prefix length missing",
                "did you mean `10.244.0.0/16`?",
            ),
            (
                "10.66.66.9",
                "`10.66.66.9` has no prefix length",
                "prefix length missing",
                "write the network, such as `10.66.66.0/24`",
            ),
            (
                "10.66.66.0/255.255.255.0",
                "`10.66.66.0/255.255.255.0` is not a valid IPv4 network",
                "not a valid IPv4 network",
                "did you mean `10.66.66.0/24`?",
            ),
        ]);
        refuses::<SourceNet>(&[
            (
                "2001:db8::1/32",
                "`2001:db8::1/32` has host bits set",
                "host bits",
                "did you mean `2001:db8::/32`?",
            ),
            (
                "203.0.113.7:22",
                "`203.0.113.7:22` is not a valid network",
                "not a valid network",
                "did you mean `203.0.113.7`?",
            ),
            (
                "[2001:db8::1]:22",
                "`[2001:db8::1]:22` is not a valid network",
                "not a valid network",
                "did you mean `2001:db8::1`?",
            ),
        ]);
        means::<Subnet>(&[
            ("10.66.66.1/24", "10.66.66.0/24"),
            ("10.66.66.0/255.255.255.0", "10.66.66.0/24"),
            ("10.244.0.0", ""),
        ]);
    }

    #[test]
    fn refuses_without_correction() {
        let write = "write an address and a prefix length, such as `10.66.66.0/24`";
        refuses::<Subnet>(&[
            (
                "fd00::/64",
                "`fd00::/64` is IPv6, but the mesh is IPv4",
                "expected an IPv4 network",
                "",
            ),
            (
                "10.66.66.0/33",
                "`10.66.66.0/33` is not a valid IPv4 network",
                "not a valid IPv4 network",
                write,
            ),
        ]);
        let every = "write `0.0.0.0/0` for every address, or the addresses that you mean";
        let every_v6 = "write `::/0` for every address, or the addresses that you mean";
        let label = "the unspecified address";
        refuses::<SourceNet>(&[
            ("0.0.0.0", "`0.0.0.0` is one address, which no packet comes from", label, every),
            ("0.0.0.0/32", "`0.0.0.0/32` is one address, which no packet comes from", label, every),
            ("::", "`::` is one address, which no packet comes from", label, every_v6),
            ("::/128", "`::/128` is one address, which no packet comes from", label, every_v6),
        ]);
        refuses::<SourceNet>(&[(
            "office",
            "`office` is not a valid network",
            "not a valid network",
            "write it as `203.0.113.0/24`, `2001:db8::/32` or one address",
        )]);
    }

    #[test]
    fn compares() {
        let half = Subnet::parse("10.66.66.128/25").unwrap();
        assert_eq!(
            (NODES.to_string(), ALL.to_string()),
            ("10.66.66.0/24".into(), "0.0.0.0/0".into())
        );
        assert_eq!(NODES, Subnet::new("10.66.66.77/24".parse().unwrap()));
        assert!(NODES.contains(&half) && !half.contains(&NODES) && half.overlaps(&NODES));
        assert!(!half.contains_address(NODES.network()) && NODES.prefix_len() == 24);
        assert!(SourceNet::parse("0.0.0.0/0").unwrap().is_everything());
        assert!(!SourceNet::parse("2001:db8::/32").unwrap().is_ipv4());
        assert_eq!(SourceNet::parse("203.0.113.7").unwrap().net().to_string(), "203.0.113.7/32");
    }
}
