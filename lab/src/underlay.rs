//! The Internet: a bridge with three documentation networks (RFC 5737), an outsider on it, and routers with
//! NAT for home networks.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use anyhow::{Context as _, Result};

use meshwright_value::provider::ETHERNET_MTU;

use crate::namespace::Namespace;
use crate::server::{serve, serve_udp};

/// The networks on the bridge. Their .254 is the default gateway.
const NETWORKS: [&str; 3] = ["192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24"];

/// The IPv6 network on the bridge (RFC 3849).
const NETWORK_V6: &str = "2001:db8::/32";

/// A server outside the cluster.
pub const SERVER: Ipv4Addr = Ipv4Addr::new(198, 18, 0, 1);

/// The port of that server and of every service of a cloud for its hosts.
pub const SERVER_PORT: u16 = 80;

/// Services of clouds for their hosts: metadata of Alibaba, Azure, Tencent, Scaleway and most others.
pub const HOST_SERVICES: [Ipv4Addr; 5] = [
    Ipv4Addr::new(100, 100, 100, 200),
    Ipv4Addr::new(168, 63, 129, 16),
    Ipv4Addr::new(169, 254, 0, 23),
    Ipv4Addr::new(169, 254, 42, 42),
    Ipv4Addr::new(169, 254, 169, 254),
];

/// The ports of DNS and of time at these addresses.
pub const DNS: u16 = 53;
/// See [`DNS`].
pub const TIME: u16 = 123;

/// The outsider's IPv4 address.
pub const OUTSIDER: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 66);
/// The outsider's IPv6 address.
pub const OUTSIDER_V6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0x66);

/// The MTU of a home line with PPPoE (RFC 2516).
const HOME_MTU: u16 = 1492;

/// The network between the machines.
#[derive(Debug)]
pub struct Underlay {
    /// The bridge.
    pub internet: Namespace,
    /// A host that is not a member of the mesh.
    pub outsider: Namespace,
    prefix: String,
    ports: BTreeMap<String, String>,
    /// How many ports were ever created. The port of a host that is gone may exist for a while.
    created: usize,
    homes: BTreeMap<String, HomeNetwork>,
}

/// A network behind a router with NAT.
#[derive(Debug)]
struct HomeNetwork {
    router: Namespace,
    number: u8,
    hosts: u8,
    /// The MTU between its hosts.
    mtu: u16,
}

impl Underlay {
    /// Creates the bridge and attaches the outsider.
    ///
    /// # Errors
    ///
    /// When a namespace or an interface is refused.
    pub fn create(prefix: &str, services: &[Ipv4Addr]) -> Result<Self> {
        let internet = Namespace::create(format!("{prefix}-internet"))?;
        let outsider = Namespace::create(format!("{prefix}-outsider"))?;
        internet.ip("link add bridge type bridge\nlink set bridge up")?;
        internet.sysctl("net.ipv4.ip_forward", "1")?;
        for network in NETWORKS {
            let gateway = network.replace(".0/24", ".254/24");
            internet.ip(&format!("addr add {gateway} dev bridge"))?;
        }
        for address in [&[SERVER], services].concat() {
            internet.ip(&format!("addr add {address}/32 dev lo"))?;
        }
        serve(&internet, "internet", SERVER_PORT)?;
        serve(&internet, "internet", DNS)?;
        for (address, port) in services.iter().flat_map(|one| [(*one, DNS), (*one, TIME)]) {
            serve_udp(&internet, "internet", SocketAddr::from((address, port)))?;
        }
        let mut underlay = Self {
            internet,
            outsider,
            prefix: prefix.to_owned(),
            ports: BTreeMap::new(),
            created: 0,
            homes: BTreeMap::new(),
        };
        let outsider = underlay.outsider.clone();
        underlay.attach(&outsider, Some(OUTSIDER), Some(OUTSIDER_V6))?;
        Ok(underlay)
    }

    /// Attaches a host to the bridge: `eth0` with these addresses. Without an IPv4 address its IPv4 route leads nowhere.
    ///
    /// # Errors
    ///
    /// When the interface is refused.
    pub fn attach(
        &mut self,
        host: &Namespace,
        address: Option<Ipv4Addr>,
        address_v6: Option<Ipv6Addr>,
    ) -> Result<()> {
        let port = format!("port{}", self.created);
        let [.., a, b, c, d] = address_v6.unwrap_or(Ipv6Addr::UNSPECIFIED).octets();
        let identity = address.map_or([a, b, c, d], |address| address.octets());
        self.created += 1;
        self.ports.insert(host.name().to_owned(), port.clone());
        self.internet.ip(&format!(
            "link add {port} type veth peer name eth0 address {} netns {}\nlink set {port} master bridge up",
            hardware_address(identity),
            host.name()
        ))?;
        host.ip("link set eth0 up")?;
        if let Some(address) = address_v6 {
            host.ip(&format!("addr add {address}/64 dev eth0 nodad"))?;
            host.ip(&format!("route replace {NETWORK_V6} dev eth0 src {address}"))?;
        }
        // A pod finds its gateway 169.254.1.1 by proxy ARP, which answers only for addresses that the host has a
        // route to: without one, the pods of this host are cut off (observed 2026-11).
        let Some(address) = address else {
            return host.ip("route add default dev eth0").map(drop);
        };
        // A /24, as DHCP of a provider gives it. With a /32, BIRD does not learn the default route because
        // the gateway is not a neighbour, and the checks see no leak over it (observed with BIRD 2,
        // 2026-11: the trees without a guard for the node subnet passed).
        let [a, b, c, _] = address.octets();
        host.ip(&format!("addr add {address}/24 dev eth0"))?;
        for network in NETWORKS {
            host.ip(&format!("route replace {network} dev eth0 src {address}"))?;
        }
        host.ip(&format!("route add default via {a}.{b}.{c}.254 src {address}")).map(drop)
    }

    /// Sets the link of a host on the bridge up or down.
    ///
    /// # Errors
    ///
    /// When the host is not on the bridge.
    pub fn set_link(&self, host: &Namespace, up: bool) -> Result<()> {
        let port = self
            .ports
            .get(host.name())
            .with_context(|| format!("{} is not on the bridge", host.name()))?;
        let state = if up { "up" } else { "down" };
        self.internet.ip(&format!("link set {port} {state}")).map(drop)
    }

    /// Takes down the network between the hosts of a home network. Each of them still reaches the router
    /// (bridge(8), `isolated`).
    ///
    /// # Errors
    ///
    /// When there is no such network.
    pub fn isolate_hosts(&self, home: &str) -> Result<()> {
        let home = self.homes.get(home).with_context(|| format!("no home network {home}"))?;
        for host in 1..=home.hosts {
            home.router.ip(&format!("link set port{host} type bridge_slave isolated on"))?;
        }
        Ok(())
    }

    /// Takes down the connection of a home network to the Internet.
    ///
    /// # Errors
    ///
    /// When there is no such network.
    pub fn disconnect(&self, home: &str) -> Result<()> {
        let home = self.homes.get(home).with_context(|| format!("no home network {home}"))?;
        home.router.ip("link set eth0 down").map(drop)
    }

    /// Creates the network of a site with its own MTU, before hosts are attached to it.
    ///
    /// # Errors
    ///
    /// When an interface is refused.
    pub fn create_site(&mut self, name: &str, mtu: u16) -> Result<()> {
        self.home_number(name)?;
        let home = self.homes.get_mut(name).with_context(|| format!("no site {name}"))?;
        home.mtu = mtu;
        Ok(())
    }

    /// Attaches a host to a home network: `interface` has a private address. The router is the default
    /// gateway of `eth0`.
    ///
    /// # Errors
    ///
    /// When an interface is refused.
    pub fn attach_at_home(
        &mut self,
        host: &Namespace,
        name: &str,
        interface: &str,
        address: Option<Ipv4Addr>,
    ) -> Result<()> {
        let number = self.home_number(name)?;
        let Some(home) = self.homes.get_mut(name) else { return Ok(()) };
        home.hosts += 1;
        let port = format!("port{}", home.hosts);
        let assigned = Ipv4Addr::new(192, 168, number, 10 + home.hosts);
        let host_address = address.unwrap_or(assigned);
        let (name, mtu) = (host.name(), home.mtu);
        home.router.ip(&format!(
            "link add {port} mtu {mtu} type veth peer name {interface} address {} mtu {mtu} netns {name}\n\
             link set {port} master lan up",
            hardware_address(host_address.octets())
        ))?;
        host.ip(&format!("addr add {host_address}/24 dev {interface}\nlink set {interface} up"))?;
        if interface == "eth0" {
            let [a, b, c, _] = host_address.octets();
            host.ip(&format!("route add default via {a}.{b}.{c}.1"))?;
            home.router.ip(&format!("addr replace {a}.{b}.{c}.1/24 dev lan"))?;
        }
        Ok(())
    }

    /// The number of a home network, which is created when it is first used.
    fn home_number(&mut self, name: &str) -> Result<u8> {
        if let Some(home) = self.homes.get(name) {
            return Ok(home.number);
        }
        let number = u8::try_from(self.homes.len())? + 1;
        let router = Namespace::create(format!("{}-router{number}", self.prefix))?;
        self.attach(&router, Some(Ipv4Addr::new(198, 51, 100, 100 + number)), None)?;
        router.ip(&format!("link set eth0 mtu {HOME_MTU}"))?;
        router.ip("link add lan type bridge\nlink set lan up")?;
        router.sysctl("net.ipv4.ip_forward", "1")?;
        router.nft(HOME_ROUTER)?;
        self.homes
            .insert(name.to_owned(), HomeNetwork { router, number, hosts: 0, mtu: ETHERNET_MTU });
        Ok(number)
    }
}

/// The hardware address of a host, from octets of its IP address. It stays the same when the host is switched on again, as that of a
/// real machine does: its neighbours would send to the old one until their entry expires.
fn hardware_address([a, b, c, d]: [u8; 4]) -> String {
    // Locally administered (IEEE 802, the second bit of the first octet).
    format!("02:00:{a:02x}:{b:02x}:{c:02x}:{d:02x}")
}

/// A home router: masquerades outgoing packets, accepts only replies from outside, and lowers the segment size of
/// TCP to its line's MTU, as routers with PPPoE do.
const HOME_ROUTER: &str = r#"
table ip home {
  chain forward {
    type filter hook forward priority filter; policy drop;
    tcp flags syn tcp option maxseg size set rt mtu
    iifname "lan" accept
    ct state established,related accept
  }
  chain postrouting {
    type nat hook postrouting priority srcnat;
    oifname "eth0" masquerade
  }
}
"#;

/// The public IPv6 address of the node with an id.
#[must_use]
pub fn address_v6(id: u32) -> Ipv6Addr {
    let [.., high, low] = id.to_be_bytes();
    Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 1, u16::from_be_bytes([high, low]))
}

/// The outsider's address of the same family as `target`.
#[must_use]
pub fn outsider_address(target: IpAddr) -> IpAddr {
    if target.is_ipv4() { OUTSIDER.into() } else { OUTSIDER_V6.into() }
}
