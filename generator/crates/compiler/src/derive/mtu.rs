//! The MTU of wg0 and of the pods: the smallest underlay's MTU − 80.

use crate::topology::{Node, Topology};
use meshwright_value::provider::{self, PPPOE_MTU};
use meshwright_value::{Mtu, Name, WIREGUARD_OVERHEAD};

/// The MTU of the mesh with its reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MeshMtu {
    /// In bytes; the same on every node and pod.
    pub value: u16,
    /// The reason for this value.
    pub reason: Reason,
}

/// The value that determines the MTU.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// `wireguard.mtu`.
    Declared,
    /// The node with the smallest underlay.
    SmallestUnderlay {
        /// The node.
        node: Name,
        /// Its underlay's MTU, in bytes.
        underlay: u16,
    },
}

/// The MTU between a node and the Internet: declared, else the provider's, else the usual one.
#[must_use]
pub(crate) fn underlay(node: &Node) -> u16 {
    let customary = match node.endpoint {
        Some(_) => provider::facts(node.provider).underlay_mtu,
        None => PPPOE_MTU.min(provider::facts(node.provider).underlay_mtu),
    };
    node.underlay_mtu.map_or(customary, Mtu::get)
}

/// Derives the MTU of the mesh; of nodes with the same underlay, the lowest id is named. `None`
/// without nodes and a declared MTU.
#[must_use]
pub(crate) fn derive(topology: &Topology) -> Option<MeshMtu> {
    match topology.wireguard.mtu {
        Some(mtu) => Some(MeshMtu { value: mtu.get(), reason: Reason::Declared }),
        None => largest(topology),
    }
}

/// The largest MTU with which no node fragments; `None` without nodes.
#[must_use]
pub(crate) fn largest(topology: &Topology) -> Option<MeshMtu> {
    let node = topology.nodes.iter().min_by_key(|node| (underlay(node), node.id))?;
    let smallest = underlay(node);
    let reason = Reason::SmallestUnderlay { node: node.name.clone(), underlay: smallest };
    Some(MeshMtu { value: smallest.saturating_sub(WIREGUARD_OVERHEAD), reason })
}
