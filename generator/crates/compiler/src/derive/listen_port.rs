//! The UDP port of a node: its `listen_port`, or that of `[wireguard]`.

use crate::topology::{Node, Topology};
use meshwright_value::Port;

/// The UDP port on which WireGuard listens on `node`.
#[must_use]
pub(crate) fn listen_port(topology: &Topology, node: &Node) -> Port {
    node.listen_port.unwrap_or(topology.wireguard.listen_port)
}
