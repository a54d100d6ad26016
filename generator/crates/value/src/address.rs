//! Addresses.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::{Form, Malformed, Text};

/// The IPv4 address of one host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
pub struct Address(Ipv4Addr);

impl Address {
    /// The address.
    #[must_use]
    pub const fn get(self) -> Ipv4Addr {
        self.0
    }
}

impl Text for Address {
    const EXPECTED: &'static str = "an IPv4 address such as `10.66.66.1`";
    const FORM: Form = Form::Pattern(r"^[0-9]{1,3}(\.[0-9]{1,3}){3}$");

    fn parse(text: &str) -> Result<Self, Malformed> {
        match text.parse::<IpAddr>() {
            Ok(IpAddr::V4(address)) => check_host(address.into(), text).map(|()| Self(address)),
            Ok(IpAddr::V6(_)) => Err(Malformed::new(
                format!("`{text}` is IPv6, but the mesh is IPv4"),
                "expected an IPv4 address",
            )),
            Err(_) => Err(no_address(text)),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

fn no_address(text: &str) -> Malformed {
    let refusal =
        Malformed::new(format!("`{text}` is not a valid IPv4 address"), "not a valid IPv4 address");
    let bare = text.split(['/', ':']).next().unwrap_or_default().trim();
    match bare.parse::<Ipv4Addr>() {
        Ok(address) => refusal.did_you_mean(address),
        Err(_) => refusal.help("write four numbers from 0 to 255, such as `10.66.66.1`"),
    }
}

/// Refuses an address to which no other host can send.
pub(super) fn check_host(address: IpAddr, text: &str) -> Result<(), Malformed> {
    let kind = match address {
        _ if address.is_unspecified() => "the unspecified address",
        _ if address.is_loopback() => "a loopback address",
        _ if address.is_multicast() => "a multicast address",
        IpAddr::V4(Ipv4Addr::BROADCAST) => "the broadcast address",
        IpAddr::V4(address) if address.is_link_local() => "a link-local address",
        IpAddr::V6(address) if is_link_local(address) => "a link-local address",
        _ => return Ok(()),
    };
    let refusal = Malformed::new(format!("`{text}` is {kind}"), kind);
    Err(refusal.help("write an address at which other hosts reach this one"))
}

/// fe80::/10 (RFC 4291 §2.4).
fn is_link_local(address: Ipv6Addr) -> bool {
    address.segments()[0] & 0xffc0 == 0xfe80
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::{accepts, refuses};

    const REACHABLE: &str = "write an address at which other hosts reach this one";

    #[test]
    fn takes_hosts() {
        accepts::<Address>(&[("10.66.66.1", "10.66.66.1"), ("192.168.1.255", "192.168.1.255")]);
    }

    #[test]
    fn refuses_the_rest() {
        refuses::<Address>(&[
            ("fd00::1", "`fd00::1` is IPv6, but the mesh is IPv4", "expected an IPv4 address", ""),
            (
                "10.66.66.1/32",
                "`10.66.66.1/32` is not a valid IPv4 address",
                "not a valid IPv4 address",
                "did you mean `10.66.66.1`?",
            ),
            (
                "10.66.66.256",
                "`10.66.66.256` is not a valid IPv4 address",
                "not a valid IPv4 address",
                "write four numbers from 0 to 255, such as `10.66.66.1`",
            ),
            ("127.0.0.1", "`127.0.0.1` is a loopback address", "a loopback address", REACHABLE),
            ("224.0.0.5", "`224.0.0.5` is a multicast address", "a multicast address", REACHABLE),
            (
                "169.254.1.1",
                "`169.254.1.1` is a link-local address",
                "a link-local address",
                REACHABLE,
            ),
            (
                "255.255.255.255",
                "`255.255.255.255` is the broadcast address",
                "the broadcast address",
                REACHABLE,
            ),
        ]);
    }
}
