//! Services in the shape of kube-proxy: a table of its own that translates one ClusterIP and one
//! NodePort to pods, and masquerades what does not come from pods; and Calico's masquerade of what
//! pods send to the Internet. Both are foreign tables to the emitted firewall.

use std::net::Ipv4Addr;

use anyhow::Result;
use ipnet::Ipv4Net;

use crate::calico::CalicoSettings;
use crate::namespace::Namespace;
use crate::pod;

/// The Service's port.
pub const PORT: u16 = 80;
/// Its port on every node.
pub const NODE_PORT: u16 = 30_080;

/// One Service.
#[derive(Debug, Clone)]
pub struct LabService {
    /// Its virtual address.
    pub address: Ipv4Addr,
    /// The pods behind it.
    pub endpoints: Vec<Ipv4Addr>,
    /// All pods.
    pub pod_subnet: Ipv4Net,
}

impl LabService {
    /// Programs a node, as kube-proxy does.
    ///
    /// # Errors
    ///
    /// When the rules are refused.
    pub fn program(&self, node: &Namespace) -> Result<()> {
        node.nft(&self.rules()).map(drop)
    }

    fn rules(&self) -> String {
        let Self { address, endpoints, pod_subnet } = self;
        let count = endpoints.len();
        let numbered = endpoints.iter().enumerate();
        let map: Vec<_> = numbered.map(|(number, pod)| format!("{number} : {pod}")).collect();
        let to_pods =
            format!("numgen inc mod {count} map {{ {} }} : {}", map.join(", "), pod::PORT);
        let hairpins: String = endpoints
            .iter()
            .map(|pod| format!("    ip saddr {pod} ip daddr {pod} masquerade\n"))
            .collect();
        format!(
            r#"
table ip kube-proxy {{
  chain services {{
    ip daddr {address} tcp dport {PORT} dnat to {to_pods}
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

/// Calico's `natOutgoing`, with `natOutgoingExclusions: IPPoolsAndHostIPs`.
///
/// # Errors
///
/// When the rules are refused.
pub fn masquerade_pods(
    node: &Namespace,
    calico: &CalicoSettings,
    nodes: &[Ipv4Addr],
) -> Result<()> {
    let pools = calico.pools.iter().filter(|pool| pool.nat_outgoing);
    let pools: Vec<_> = pools.map(|pool| pool.cidr.to_string()).collect();
    if pools.is_empty() {
        return Ok(());
    }
    let nodes: Vec<_> = nodes.iter().map(ToString::to_string).collect();
    let (pools, nodes) = (pools.join(", "), nodes.join(", "));
    let rules = format!(
        "table ip calico {{
  chain postrouting {{
    type nat hook postrouting priority srcnat;
    ip saddr {{ {pools} }} ip daddr != {{ {pools}, {nodes} }} masquerade
  }}
}}
"
    );
    node.nft(&rules).map(drop)
}
