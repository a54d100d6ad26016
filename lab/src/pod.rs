//! Pods, connected as Calico's CNI plugin does it: a /32 address, the gateway 169.254.1.1, and proxy ARP on
//! the host side of the veth pair (Calico FAQ, "Why can't I see the 169.254.1.1 address").

use std::net::{Ipv4Addr, SocketAddr};

use anyhow::Result;

use crate::machine::LabMachine;
use crate::namespace::Namespace;
use crate::server::{serve, serve_udp};

/// The port that every pod serves, TCP and UDP.
pub const PORT: u16 = 8080;

/// The port on which every pod answers as cluster DNS would, TCP and UDP.
pub const DNS: u16 = 53;

/// A pod.
#[derive(Debug)]
pub struct LabPod {
    /// The name that its server sends.
    pub name: String,
    /// Its network.
    pub namespace: Namespace,
    /// The host side of its veth pair.
    pub interface: String,
    /// Its address.
    pub address: Ipv4Addr,
}

impl LabPod {
    /// Starts a pod on a node.
    ///
    /// # Errors
    ///
    /// When an interface is refused.
    pub fn start(node: &LabMachine, address: Ipv4Addr, mtu: u16) -> Result<Self> {
        let name = format!("pod-{}", node.name);
        let namespace = Namespace::create(format!("{}-pod", node.namespace.name()))?;
        let interface = host_interface(&name);
        node.namespace.ip(&format!(
            "link add {interface} type veth peer name eth0 netns {}\n\
             link set {interface} mtu {mtu} address ee:ee:ee:ee:ee:ee up\n\
             route add {address} dev {interface} scope link",
            namespace.name()
        ))?;
        node.namespace.sysctl(&format!("net.ipv4.conf.{interface}.proxy_arp"), "1")?;
        node.namespace.sysctl(&format!("net.ipv4.conf.{interface}.forwarding"), "1")?;
        node.namespace.sysctl(&format!("net.ipv4.neigh.{interface}.proxy_delay"), "0")?;
        namespace.ip(&format!(
            "addr add {address}/32 dev eth0\n\
             link set eth0 mtu {mtu} up\n\
             route add 169.254.1.1 dev eth0 scope link\n\
             route add default via 169.254.1.1"
        ))?;
        for port in [PORT, DNS] {
            serve(&namespace, &name, port)?;
            serve_udp(&namespace, &name, SocketAddr::from((address, port)))?;
        }
        Ok(Self { name, namespace, interface, address })
    }
}

/// A name as Calico gives it: `cali` and eleven hexadecimal digits of a hash. Calico takes SHA-1 of the
/// pod's namespace and name (libcalico-go `VethNameForWorkload`); any hash serves here, and this is FNV-1a.
fn host_interface(pod: &str) -> String {
    let hash = pod.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    format!("cali{:011x}", hash >> 20)
}
