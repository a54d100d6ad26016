//! Tables that a node of a real cluster has beside the emitted firewall. kube-proxy's table translates one
//! ClusterIP and one NodePort to pods, and masquerades packets that do not come from pods. Calico's table
//! masquerades packets of pods to the Internet.

use std::net::Ipv4Addr;

use anyhow::Result;
use ipnet::Ipv4Net;

use crate::calico::CalicoSettings;
use crate::namespace::Namespace;
use crate::pod;

/// The Service's port.
pub const PORT: u16 = 80;
/// The port of cluster DNS.
pub const DNS: u16 = 53;
/// The Service's port on every node.
pub const NODE_PORT: u16 = 30_080;

/// Two Services: an app, and cluster DNS.
#[derive(Debug, Clone)]
pub struct LabService {
    /// Its virtual address.
    pub address: Ipv4Addr,
    /// The virtual address of cluster DNS: TCP and UDP port 53.
    pub dns: Ipv4Addr,
    /// The pods that both balance to.
    pub endpoints: Vec<Ipv4Addr>,
    /// The subnet of all pods.
    pub pod_subnet: Ipv4Net,
}

impl LabService {
    /// Loads kube-proxy's table on a node.
    ///
    /// # Errors
    ///
    /// When the rules are refused.
    pub fn program(&self, node: &Namespace) -> Result<()> {
        node.nft(&self.rules()).map(drop)
    }

    fn rules(&self) -> String {
        let Self { address, dns, endpoints, pod_subnet } = self;
        let count = endpoints.len();
        let map: Vec<_> =
            endpoints.iter().enumerate().map(|(number, pod)| format!("{number} : {pod}")).collect();
        let balanced = format!("numgen inc mod {count} map {{ {} }}", map.join(", "));
        let to_pods = format!("{balanced} : {}", pod::PORT);
        let to_dns = format!("{balanced} : {}", pod::DNS);
        let hairpins: String = endpoints
            .iter()
            .map(|pod| format!("    ip saddr {pod} ip daddr {pod} masquerade\n"))
            .collect();
        format!(
            r#"
table ip kube-proxy {{
  chain services {{
    ip daddr {address} tcp dport {PORT} dnat to {to_pods}
    ip daddr {dns} meta l4proto {{ tcp, udp }} th dport {DNS} dnat to {to_dns}
    fib daddr type local tcp dport {NODE_PORT} meta mark set 0x4000 dnat to {to_pods}
  }}
  chain prerouting {{ type nat hook prerouting priority dstnat; jump services; }}
  chain output {{ type nat hook output priority -100; jump services; }}
  chain postrouting {{
    type nat hook postrouting priority srcnat;
    ct status dnat meta mark 0x4000 masquerade
    ct status dnat ip saddr != {pod_subnet} masquerade
{hairpins}  }}
}}
"#
        )
    }
}

/// Loads the table of Calico's `natOutgoing`, with `natOutgoingExclusions: IPPoolsAndHostIPs`.
///
/// # Errors
///
/// When the rules are refused.
pub fn masquerade_pods(
    node: &Namespace,
    calico: &CalicoSettings,
    nodes: &[Ipv4Addr],
) -> Result<()> {
    match masquerade_rules(calico, nodes) {
        Some(rules) => node.nft(&rules).map(drop),
        None => Ok(()),
    }
}

/// That table; None if no pool is masqueraded.
#[must_use]
pub fn masquerade_rules(calico: &CalicoSettings, nodes: &[Ipv4Addr]) -> Option<String> {
    let masqueraded = calico.pools.iter().filter(|pool| pool.nat_outgoing);
    let pools: Vec<_> = masqueraded.map(|pool| pool.cidr.to_string()).collect();
    let node_addresses: Vec<_> = nodes.iter().map(ToString::to_string).collect();
    let (pool_set, node_set) = (pools.join(", "), node_addresses.join(", "));
    let rules = format!(
        "table ip calico {{
  chain postrouting {{
    type nat hook postrouting priority srcnat;
    ip saddr {{ {pool_set} }} ip daddr != {{ {pool_set}, {node_set} }} masquerade
  }}
}}
"
    );
    (!pools.is_empty()).then_some(rules)
}
