//! Networks behind machines of the mesh: which machine forwards to each, and which nodes are in it themselves.

use meshwright_value::{Name, Subnet};

use crate::derive::routed_network::site_of;
use crate::plan::NodePlan;
use crate::route::Route;
use crate::topology::Topology;

/// A network behind a node, or behind a client with an endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoutedNetworkPlan {
    /// The table of the topology that it comes from.
    pub origin: Route,
    /// Its name.
    pub name: Name,
    /// Its address range.
    pub subnet: Subnet,
    /// The machine that forwards to it.
    pub via: Name,
    /// The site whose LAN it is: the nodes of this site reach it without the mesh.
    pub site: Option<Name>,
    /// Whether pods may open connections to it.
    pub pods: bool,
}

impl RoutedNetworkPlan {
    /// Whether a node reaches it by its own routes, and not through the mesh.
    #[must_use]
    pub fn is_beside(&self, node: &NodePlan) -> bool {
        let is_of_site = self.site.is_some() && self.site == node.location.site;
        self.via == node.name || is_of_site
    }
}

/// The networks, by their addresses.
pub(super) fn derive(topology: &Topology) -> Vec<RoutedNetworkPlan> {
    let networks = topology.networks.iter().map(|network| RoutedNetworkPlan {
        origin: network.origin.clone(),
        name: network.name.clone(),
        subnet: network.subnet,
        via: network.via.clone(),
        site: site_of(topology, network).cloned(),
        pods: network.pods,
    });
    let mut sorted: Vec<_> = networks.collect();
    sorted.sort_by_key(|network| network.subnet);
    sorted
}

/// The networks behind one machine.
pub(super) fn behind(topology: &Topology, machine: &Name) -> Vec<Subnet> {
    let networks = topology.networks.iter().filter(|network| network.via == *machine);
    let mut subnets: Vec<_> = networks.map(|network| network.subnet).collect();
    subnets.sort_unstable();
    subnets
}
