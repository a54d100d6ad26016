//! Addresses that are derived from the id of a node or client.

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;

use crate::topology::{Client, Network, Node};
use meshwright_value::{NodeId, Subnet};

/// The mesh address of a node: its own `address`, else its id counted from the start of
/// `node_subnet`. `None` if the range has no place for the id.
#[must_use]
pub(crate) fn node_address(node: &Node, network: &Network) -> Option<Ipv4Addr> {
    node.address.map(|address| address.get()).or_else(|| nth_host(network.node_subnet, node.id))
}

/// The mesh address of a client: its id counted from the start of `node_subnet`.
#[must_use]
pub(crate) fn client_address(client: &Client, network: &Network) -> Option<Ipv4Addr> {
    nth_host(network.node_subnet, client.id)
}

/// The pod block of a node: its own `pod_subnet`, else the block of `pod_prefix_len` whose number
/// in `network.pod_subnet` is the node's id. `None` if the range has no place for the id.
#[must_use]
pub(crate) fn pod_block(node: &Node, network: &Network) -> Option<Subnet> {
    node.pod_subnet.or_else(|| nth_block(network.pod_subnet, network.pod_prefix_len.get(), node.id))
}

/// Neither the network address nor the broadcast address belongs to a host.
fn nth_host(subnet: Subnet, id: NodeId) -> Option<Ipv4Addr> {
    let address = u32::from(subnet.network()).checked_add(id.get()).map(Ipv4Addr::from)?;
    let usable = subnet.contains_address(address) && address != subnet.net().broadcast();
    usable.then_some(address)
}

fn nth_block(subnet: Subnet, prefix_len: u8, id: NodeId) -> Option<Subnet> {
    let size = 1_u32.checked_shl(32 - u32::from(prefix_len))?;
    let offset = id.get().checked_mul(size)?;
    let start = u32::from(subnet.network()).checked_add(offset)?;
    let block = Subnet::new(Ipv4Net::new(start.into(), prefix_len).ok()?);
    subnet.contains(&block).then_some(block)
}
