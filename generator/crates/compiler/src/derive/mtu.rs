//! The MTU of wg0 and of the pods: that of the smallest network below it − 80.

use crate::topology::{Node, Site, Topology};
use meshwright_value::provider::{self, ETHERNET_MTU, PPPOE_MTU};
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
    /// The site with the smallest network.
    SmallestSite {
        /// The site.
        site: Name,
        /// Its network's MTU, in bytes.
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

/// The MTU of a site's network: declared, else the smallest of its nodes' providers.
#[must_use]
pub(crate) fn of_site(topology: &Topology, site: &Site) -> u16 {
    let providers = topology.nodes_of(site).map(|node| provider::facts(node.provider).private_mtu);
    let customary = providers.min().unwrap_or(ETHERNET_MTU);
    site.mtu.map_or(customary, Mtu::get)
}

/// Whether two nodes call each other in a site's network.
fn carries_calls(topology: &Topology, site: &Site) -> bool {
    let nodes = || topology.nodes_of(site);
    nodes().count() > 1 && nodes().any(|node| node.lan_endpoint.is_some())
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

/// The largest MTU with which no node fragments, towards the Internet and in the sites; `None` without
/// nodes.
#[must_use]
pub(crate) fn largest(topology: &Topology) -> Option<MeshMtu> {
    let node = topology.nodes.iter().min_by_key(|node| (underlay(node), node.id))?;
    let smallest = underlay(node);
    let reason = Reason::SmallestUnderlay { node: node.name.clone(), underlay: smallest };
    let sites = topology.sites.iter().filter(|site| carries_calls(topology, site));
    let smaller = sites
        .map(|site| (of_site(topology, site), &site.name))
        .filter(|(mtu, _)| *mtu < smallest)
        .min();
    let (underlay, reason) = match smaller {
        Some((mtu, site)) => (mtu, Reason::SmallestSite { site: site.clone(), underlay: mtu }),
        None => (smallest, reason),
    };
    Some(MeshMtu { value: underlay.saturating_sub(WIREGUARD_OVERHEAD), reason })
}
