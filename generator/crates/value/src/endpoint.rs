//! Endpoints: a host and a port.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::address::check_host;
use super::open_port::parse_port;
use super::string::serialize_as_displayed;
use super::{DnsName, Form, Malformed, Name, Port, Text, refusal_of_empty};

/// The host part of an [`Endpoint`].
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Host {
    /// An IPv4 address.
    V4(Ipv4Addr),
    /// An IPv6 address that embeds no IPv4 address.
    V6(Ipv6Addr),
    /// A DNS name.
    Name(DnsName),
}

/// The family of an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AddressFamily {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

impl fmt::Display for AddressFamily {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::V4 => "IPv4",
            Self::V6 => "IPv6",
        })
    }
}

/// The public side of a node: an address or a DNS name, with a port if it is not the mesh's own.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Endpoint {
    host: Host,
    port: Option<Port>,
}

impl Endpoint {
    /// Whether it has to be looked up.
    #[must_use]
    pub fn is_name(&self) -> bool {
        matches!(self.host, Host::Name(_))
    }

    /// The address or name.
    #[must_use]
    pub const fn host(&self) -> &Host {
        &self.host
    }

    /// The family of its address; `None` for a name, which can have addresses of both.
    #[must_use]
    pub const fn family(&self) -> Option<AddressFamily> {
        match self.host {
            Host::V4(_) => Some(AddressFamily::V4),
            Host::V6(_) => Some(AddressFamily::V6),
            Host::Name(_) => None,
        }
    }

    /// The port, if one is written.
    #[must_use]
    pub const fn port(&self) -> Option<Port> {
        self.port
    }

    /// `host:port` as `Endpoint` of wg(8) takes it, IPv6 in brackets.
    #[must_use]
    pub fn with_port(&self, default: Port) -> String {
        let port = self.port.unwrap_or(default);
        Self { host: self.host.clone(), port: Some(port) }.to_string()
    }
}

impl Text for Endpoint {
    const EXPECTED: &'static str = "an address or DNS name such as `203.0.113.10:51820`";
    const FORM: Form =
        Form::Pattern(r"^(\[[0-9A-Fa-f:.]+\]|[0-9A-Fa-f:.]+|[A-Za-z0-9.-]+)(:[0-9]+)?$");

    fn parse(text: &str) -> Result<Self, Malformed> {
        refuse_url(text, |authority| {
            // The port in a URL is that of its scheme, and not WireGuard's.
            let host = Self::parse(without_user(authority)).ok()?;
            Some(Self { port: None, ..host })
        })?;
        refuse_network(text)?;
        refuse_user(text)?;
        refuse_absence(text)?;
        let (host, written_port) = split_port(text);
        let port = written_port.map(parse_port).transpose()?;
        Ok(Self { host: parse_host(host)?, port })
    }
}

/// Refuses a word for a host without an endpoint.
fn refuse_absence(text: &str) -> Result<(), Malformed> {
    let help = "leave the key out: a node without `endpoint` is behind NAT";
    match text.trim().to_ascii_lowercase().as_str() {
        "" => Err(refusal_of_empty().help(help)),
        "nat" | "none" | "null" => {
            Err(Malformed::new(format!("`{text}` is not a valid host"), "not a valid host")
                .help(help))
        }
        _ => Ok(()),
    }
}

fn without_user(text: &str) -> &str {
    text.rsplit_once('@').map_or(text, |(_, host)| host)
}

/// Refuses the argument of ssh(1).
fn refuse_user(text: &str) -> Result<(), Malformed> {
    let Some((_, host)) = text.rsplit_once('@') else { return Ok(()) };
    let refusal = Malformed::new(format!("`{text}` has a user name"), "expected host or host:port");
    Err(match Endpoint::parse(host) {
        Ok(endpoint) => refusal.did_you_mean(endpoint),
        Err(_) => refusal.help("write the host, and the port if it is not the default"),
    })
}

/// Refuses a URL, with the value that its authority (RFC 3986 §3.2) means as the correction.
fn refuse_url<T: fmt::Display>(
    text: &str,
    meaning: impl Fn(&str) -> Option<T>,
) -> Result<(), Malformed> {
    let Some((_, rest)) = text.split_once("://") else { return Ok(()) };
    let refusal = Malformed::new(format!("`{text}` is a URL"), "expected host or host:port");
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    Err(match meaning(authority) {
        Some(suggestion) => refusal.did_you_mean(suggestion),
        None => refusal.help("write the host, and the port if it is not the default"),
    })
}

/// Refuses the address of an interface, as `ip address` prints it, and a path, with the host as the
/// correction.
fn refuse_network(text: &str) -> Result<(), Malformed> {
    let Some((before, after)) = text.split_once('/') else { return Ok(()) };
    let is_prefix_length = !after.is_empty() && after.bytes().all(|byte| byte.is_ascii_digit());
    let fault = if is_prefix_length { "has a prefix length" } else { "has a path" };
    let refusal = Malformed::new(format!("`{text}` {fault}"), "expected one host");
    Err(match Endpoint::parse(before) {
        Ok(endpoint) => refusal.did_you_mean(endpoint),
        Err(_) => refusal,
    })
}

/// Splits `host:port`. The colons of an IPv6 address without brackets are not separators.
pub(super) fn split_port(text: &str) -> (&str, Option<&str>) {
    match text.rsplit_once(':') {
        Some((_, after)) if after.ends_with(']') => (text, None),
        Some((host, _)) if host.contains(':') && !host.ends_with(']') => (text, None),
        Some((host, port)) => (host, Some(port)),
        None => (text, None),
    }
}

fn parse_host(text: &str) -> Result<Host, Malformed> {
    let bracketed = text.strip_prefix('[').and_then(|text| text.strip_suffix(']'));
    match (bracketed.unwrap_or(text).parse::<IpAddr>(), bracketed) {
        (Ok(IpAddr::V4(address)), Some(_)) => {
            let message = format!("`{text}` has brackets around IPv4");
            Err(Malformed::new(message, "brackets")
                .help(format!("write `{address}` without brackets")))
        }
        (Ok(address), _) => check_host(address.to_canonical(), text).map(|()| address.into()),
        (Err(_), None) if is_numeric(text) => Err(no_ipv4(text)),
        (Err(_), None) if !text.contains(':') => {
            let name = DnsName::parse(&text.to_ascii_lowercase())?;
            check_name(&name).map(|()| Host::Name(name))
        }
        (Err(_), _) => Err(Malformed::new(
            format!("`{text}` is not a valid IPv6 address"),
            "not a valid IPv6 address",
        )
        .help("write an IPv6 address with a port as `[2001:db8::1]:51820`")),
    }
}

/// Whether a text is meant as an IPv4 address.
fn is_numeric(text: &str) -> bool {
    text.contains(['.', ','])
        && text.bytes().all(|byte| byte.is_ascii_digit() || b".,".contains(&byte))
}

/// inet_aton(3) reads a number with a leading zero as octal, so the meaning of such a text is not certain.
fn no_ipv4(text: &str) -> Malformed {
    let refusal =
        Malformed::new(format!("`{text}` is not a valid IPv4 address"), "not a valid IPv4 address");
    let number = |part: &str| {
        let digits = part.trim_start_matches('0');
        if digits.is_empty() && !part.is_empty() { "0".to_owned() } else { digits.to_owned() }
    };
    let numbers: Vec<_> = text.split(['.', ',']).map(number).collect();
    match numbers.join(".").parse::<Ipv4Addr>() {
        Ok(address) => refusal.did_you_mean(address),
        Err(_) => refusal.help("write four numbers from 0 to 255, such as `203.0.113.10`"),
    }
}

/// `localhost` resolves to the machine itself (RFC 6761 §6.3).
fn check_name(name: &DnsName) -> Result<(), Malformed> {
    if name.as_str() != "localhost" && !name.as_str().ends_with(".localhost") {
        return Ok(());
    }
    let message = format!("`{name}` resolves to the machine itself");
    Err(Malformed::new(message, "not reachable from other hosts")
        .help("write an address at which other hosts reach this one"))
}

impl From<IpAddr> for Host {
    /// An IPv4-mapped IPv6 address (`::ffff:192.0.2.1`) becomes the IPv4 address.
    fn from(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => Self::V4(address),
            IpAddr::V6(address) => Self::V6(address),
        }
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::V4(address) => address.fmt(f),
            Self::V6(address) => address.fmt(f),
            Self::Name(name) => name.fmt(f),
        }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.host, self.port) {
            (host, None) => host.fmt(f),
            (Host::V6(address), Some(port)) => write!(f, "[{address}]:{port}"),
            (host, Some(port)) => write!(f, "{host}:{port}"),
        }
    }
}

/// The public side of a machine: one endpoint, or an address of each family.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoints {
    first: Endpoint,
    second: Option<Endpoint>,
}

impl From<Endpoint> for Endpoints {
    fn from(first: Endpoint) -> Self {
        Self { first, second: None }
    }
}

impl Endpoints {
    /// An endpoint, and perhaps a second one.
    ///
    /// # Errors
    ///
    /// When the two are not an IPv4 and an IPv6 address.
    pub fn new(first: Endpoint, second: Option<Endpoint>) -> Result<Self, Malformed> {
        let Some(other) = &second else { return Ok(Self { first, second }) };
        let label = "expected one IPv4 and one IPv6 address";
        match (first.family(), other.family()) {
            (Some(one), Some(two)) if one != two => Ok(Self { first, second }),
            (Some(family), Some(_)) => {
                let message = format!("`{first}` and `{other}` are both {family}");
                Err(Malformed::new(message, label).help(
                    "a machine has one endpoint of each address family: leave one of the two out",
                ))
            }
            (None, _) | (_, None) => {
                let name = if first.is_name() { &first } else { other };
                let message = format!("`{}` is a DNS name beside another endpoint", name.host());
                Err(Malformed::new(message, label).help(
                    "a name has the addresses of both families in DNS: write it alone, or write two addresses",
                ))
            }
        }
    }

    /// Each endpoint, in the order in which they are written.
    pub fn iter(&self) -> impl Iterator<Item = &Endpoint> {
        std::iter::once(&self.first).chain(&self.second)
    }

    /// The endpoint at which most machines call: the IPv4 address if there are two.
    ///
    /// Machines behind NAT and clients write no address, and some have no IPv6; almost all have IPv4. So a second
    /// address in the topology changes no pair that worked without it.
    #[must_use]
    pub fn preferred(&self) -> &Endpoint {
        let v4 = self.iter().find(|endpoint| endpoint.family() == Some(AddressFamily::V4));
        v4.unwrap_or(&self.first)
    }

    /// The IPv6 address, if there are two.
    #[must_use]
    pub fn alternative(&self) -> Option<&Endpoint> {
        self.second.as_ref()?;
        self.iter().find(|endpoint| endpoint.family() == Some(AddressFamily::V6))
    }

    /// The endpoint at which a machine with the endpoints `caller` calls: IPv6 if this is the only family that both
    /// ends have, else [`Self::preferred`].
    #[must_use]
    pub fn called_by(&self, caller: Option<&Self>) -> &Endpoint {
        let only_v6 = |caller: &Self| {
            caller.iter().all(|endpoint| endpoint.family() == Some(AddressFamily::V6))
        };
        let alternative = self.alternative().filter(|_| caller.is_some_and(only_v6));
        alternative.unwrap_or_else(|| self.preferred())
    }
}

impl serde::Serialize for Endpoints {
    /// As it is written: one string, or an array.
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.second {
            None => self.first.serialize(serializer),
            Some(second) => [&self.first, second].serialize(serializer),
        }
    }
}

/// The name at which all nodes and clients find the API server, and its port, which is fixed.
///
/// A name and not an address: certificates and kubeconfigs contain it, so the API could not move
/// from an address to another control plane (kubeadm, `controlPlaneEndpoint`).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ApiEndpoint {
    name: DnsName,
}

impl ApiEndpoint {
    /// The port of every API server (kubeadm's `bindPort` default). No proxy listens on another
    /// port.
    pub const PORT: Port = Port::new(6443);

    /// The DNS name.
    #[must_use]
    pub const fn name(&self) -> &DnsName {
        &self.name
    }
}

impl ApiEndpoint {
    /// The endpoint of a cluster that declares none: `k8s-api.<cluster>.internal:6443`.
    #[must_use]
    pub fn default_for(cluster: &Name) -> Self {
        Self { name: DnsName::internal_api(cluster) }
    }
}

impl Text for ApiEndpoint {
    const EXPECTED: &'static str = "a DNS name such as `k8s-api.atlas.internal:6443`";
    const FORM: Form = Form::Pattern(r"^[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:0*6443)?$");

    fn parse(text: &str) -> Result<Self, Malformed> {
        refuse_url(text, |authority| Self::parse(authority).ok())?;
        let (host, written_port) = split_port(text);
        let address = host.trim_matches(['[', ']']);
        if address.parse::<IpAddr>().is_ok() {
            let message = format!("`{address}` is an address, the API needs a name");
            return Err(Malformed::new(message, "expected a DNS name").help(
                "write a name: only with a name can the API move to another control plane later",
            ));
        }
        let port = written_port.map(parse_port).transpose()?.unwrap_or(Self::PORT);
        let endpoint = Self { name: DnsName::parse(host)? };
        if port != Self::PORT {
            let message = format!("no API server listens on port {port}");
            let label = format!("the API servers listen on {}", Self::PORT);
            return Err(Malformed::new(message, label).did_you_mean(endpoint));
        }
        Ok(endpoint)
    }
}

impl fmt::Display for ApiEndpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.name, Self::PORT)
    }
}

serialize_as_displayed!(Host, Endpoint, ApiEndpoint);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::{accepts, refuses};

    #[test]
    fn takes_addresses_and_names() {
        accepts::<Endpoint>(&[
            ("203.0.113.10", "203.0.113.10"),
            ("203.0.113.10:51821", "203.0.113.10:51821"),
            ("2001:DB8::1", "2001:db8::1"),
            ("[2001:db8::1]", "2001:db8::1"),
            ("[2001:db8::1]:51820", "[2001:db8::1]:51820"),
            ("::ffff:203.0.113.10", "203.0.113.10"),
            ("Home.example.net:51820", "home.example.net:51820"),
            ("home", "home"),
        ]);
        accepts::<ApiEndpoint>(&[
            ("k8s-api.atlas.internal", "k8s-api.atlas.internal:6443"),
            ("api.example.com:6443", "api.example.com:6443"),
        ]);
    }

    #[test]
    fn completes_the_port() {
        let endpoint = |text| Endpoint::parse(text).unwrap().with_port(Port::new(51_820));
        assert_eq!(endpoint("2001:db8::1"), "[2001:db8::1]:51820");
        assert_eq!(endpoint("203.0.113.10:7"), "203.0.113.10:7");
    }

    fn endpoints(texts: &[&str]) -> Result<Endpoints, Malformed> {
        let mut all = texts.iter().map(|text| Endpoint::parse(text).unwrap());
        Endpoints::new(all.next().unwrap(), all.next())
    }

    #[test]
    fn a_pair_uses_a_family_that_both_ends_have() {
        let (v4, v6) = (&["192.0.2.1"][..], &["2001:db8::1"][..]);
        let (both, turned) = (&["192.0.2.2", "2001:db8::2"], &["2001:db8::2", "192.0.2.2"]);
        let table = [
            (&both[..], Some(v4), "192.0.2.2"),
            (both, Some(v6), "2001:db8::2"),
            (both, Some(&["192.0.2.3", "2001:db8::3"][..]), "192.0.2.2"),
            (both, Some(&["home.example.net"][..]), "192.0.2.2"),
            (both, None, "192.0.2.2"),
            (turned, None, "192.0.2.2"),
            (turned, Some(v6), "2001:db8::2"),
            (v6, Some(v4), "2001:db8::1"),
            (v4, Some(v6), "192.0.2.1"),
            (&["home.example.net"], Some(v6), "home.example.net"),
        ];
        for (called, caller, expected) in table {
            let caller = caller.map(|texts| endpoints(texts).unwrap());
            let called = endpoints(called).unwrap();
            assert_eq!(
                called.called_by(caller.as_ref()).to_string(),
                expected,
                "{called:?} {caller:?}"
            );
        }
    }

    #[test]
    fn refuses_two_endpoints_of_one_family() {
        let table = [
            (["192.0.2.1", "192.0.2.2:7"], "`192.0.2.1` and `192.0.2.2:7` are both IPv4"),
            (["2001:db8::1", "2001:db8::2"], "`2001:db8::1` and `2001:db8::2` are both IPv6"),
            (
                ["192.0.2.1", "a.example.net"],
                "`a.example.net` is a DNS name beside another endpoint",
            ),
            (
                ["a.example.net", "2001:db8::1"],
                "`a.example.net` is a DNS name beside another endpoint",
            ),
        ];
        for (texts, message) in table {
            assert_eq!(endpoints(&texts).unwrap_err().message, message);
        }
    }

    #[test]
    fn refuses_endpoints() {
        let reachable = "write an address at which other hosts reach this one";
        let bounds = "ports are from 1 to 65535";
        let absent = "leave the key out: a node without `endpoint` is behind NAT";
        refuses::<Endpoint>(&[
            (
                "http://203.0.113.10:80/x",
                "`http://203.0.113.10:80/x` is a URL",
                "expected host or host:port",
                "did you mean `203.0.113.10`?",
            ),
            (
                "ssh://root@203.0.113.10:22",
                "`ssh://root@203.0.113.10:22` is a URL",
                "expected host or host:port",
                "did you mean `203.0.113.10`?",
            ),
            (
                "root@203.0.113.10",
                "`root@203.0.113.10` has a user name",
                "expected host or host:port",
                "did you mean `203.0.113.10`?",
            ),
            (
                "203.0.113.10/",
                "`203.0.113.10/` has a path",
                "expected one host",
                "did you mean `203.0.113.10`?",
            ),
            (
                "203.0.113.010",
                "`203.0.113.010` is not a valid IPv4 address",
                "not a valid IPv4 address",
                "did you mean `203.0.113.10`?",
            ),
            (
                "203,0,113,10",
                "`203,0,113,10` is not a valid IPv4 address",
                "not a valid IPv4 address",
                "did you mean `203.0.113.10`?",
            ),
            ("NAT", "`NAT` is not a valid host", "not a valid host", absent),
            (
                "203.0.113.10/24",
                "`203.0.113.10/24` has a prefix length",
                "expected one host",
                "did you mean `203.0.113.10`?",
            ),
            (
                "2001:db8::1/64",
                "`2001:db8::1/64` has a prefix length",
                "expected one host",
                "did you mean `2001:db8::1`?",
            ),
            (
                "0.0.0.0",
                "`0.0.0.0` is the unspecified address",
                "the unspecified address",
                reachable,
            ),
            ("[::1]:51820", "`[::1]` is a loopback address", "a loopback address", reachable),
            ("fe80::1", "`fe80::1` is a link-local address", "a link-local address", reachable),
            ("203.0.113.10:0", "`0` is not a valid port", "expected 1 to 65535", bounds),
            ("home:", "the port is empty", "empty port", ""),
            (
                "203.0.113.256",
                "`203.0.113.256` is not a valid IPv4 address",
                "not a valid IPv4 address",
                "write four numbers from 0 to 255, such as `203.0.113.10`",
            ),
            (
                "2001:db8:::1",
                "`2001:db8:::1` is not a valid IPv6 address",
                "not a valid IPv6 address",
                "write an IPv6 address with a port as `[2001:db8::1]:51820`",
            ),
            (
                "[1:2]",
                "`[1:2]` is not a valid IPv6 address",
                "not a valid IPv6 address",
                "write an IPv6 address with a port as `[2001:db8::1]:51820`",
            ),
            (
                "[203.0.113.10]:1",
                "`[203.0.113.10]` has brackets around IPv4",
                "brackets",
                "write `203.0.113.10` without brackets",
            ),
            (
                "node.localhost",
                "`node.localhost` resolves to the machine itself",
                "not reachable from other hosts",
                reachable,
            ),
            (
                "localhost:51820",
                "`localhost` resolves to the machine itself",
                "not reachable from other hosts",
                reachable,
            ),
            ("", "the value is empty", "empty", absent),
        ]);
    }

    #[test]
    fn refuses_api_endpoints() {
        let help = "write a name: only with a name can the API move to another control plane later";
        refuses::<ApiEndpoint>(&[
            (
                "10.66.66.1:6443",
                "`10.66.66.1` is an address, the API needs a name",
                "expected a DNS name",
                help,
            ),
            (
                "https://api.example.com:6443",
                "`https://api.example.com:6443` is a URL",
                "expected host or host:port",
                "did you mean `api.example.com:6443`?",
            ),
            (
                "api.example.com:443",
                "no API server listens on port 443",
                "the API servers listen on 6443",
                "did you mean `api.example.com:6443`?",
            ),
        ]);
    }
}
