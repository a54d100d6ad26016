//! Pods, wired as Calico's CNI plugin wires them: an address of its own, 169.254.1.1 as the way out,
//! and a host side that answers for everyone (Calico FAQ, "Why can't I see the 169.254.1.1
//! address").

use std::net::Ipv4Addr;

use anyhow::Result;

use crate::machine::LabMachine;
use crate::namespace::Namespace;
use crate::server::serve;

/// The port that every pod serves.
pub const PORT: u16 = 8080;

/// One pod.
#[derive(Debug)]
pub struct LabPod {
    /// What its server answers with.
    pub name: String,
    /// Its network.
    pub namespace: Namespace,
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
        node.namespace.ip(&format!(
            "link add cali0 type veth peer name eth0 netns {}\n\
             link set cali0 mtu {mtu} address ee:ee:ee:ee:ee:ee up\n\
             route add {address} dev cali0 scope link",
            namespace.name()
        ))?;
        node.namespace.sysctl("net.ipv4.conf.cali0.proxy_arp", "1")?;
        node.namespace.sysctl("net.ipv4.conf.cali0.forwarding", "1")?;
        node.namespace.sysctl("net.ipv4.neigh.cali0.proxy_delay", "0")?;
        namespace.ip(&format!(
            "addr add {address}/32 dev eth0\n\
             link set eth0 mtu {mtu} up\n\
             route add 169.254.1.1 dev eth0 scope link\n\
             route add default via 169.254.1.1"
        ))?;
        serve(&namespace, &name, PORT)?;
        Ok(Self { name, namespace, address })
    }
}
