//! Networks behind machines of the mesh.

use meshwright_value::{Endpoint, Host, Name, Subnet};

use crate::topology::{RoutedNetwork, Site, Topology};

/// The site whose LAN a network is: that of its `via`, if the two have a common address. Its nodes reach the network
/// without the mesh.
#[must_use]
pub(crate) fn site_of<'topology>(
    topology: &'topology Topology,
    network: &RoutedNetwork,
) -> Option<&'topology Name> {
    let name = topology.node(&network.via)?.site.as_ref()?;
    let site = topology.sites.iter().find(|site| site.name == *name)?;
    is_lan_of(topology, site, network.subnet).then_some(name)
}

/// Whether a subnet has addresses of a site's LAN: those of its `subnet`, or of a node's endpoint there.
fn is_lan_of(topology: &Topology, site: &Site, subnet: Subnet) -> bool {
    let stated = site.subnet.is_some_and(|lan| lan.overlaps(&subnet));
    let mut endpoints = topology.nodes_of(site).filter_map(|node| node.lan_endpoint.as_ref());
    stated || endpoints.any(|endpoint| is_inside(endpoint, subnet))
}

/// Whether an endpoint is an address of a subnet. No address of a name is known.
#[must_use]
pub(crate) fn is_inside(endpoint: &Endpoint, subnet: Subnet) -> bool {
    matches!(endpoint.host(), Host::V4(address) if subnet.contains_address(*address))
}
