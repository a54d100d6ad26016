//! Networks behind machines of the mesh.

use ipnet::Ipv4Net;

use super::address_class::AddressClass;
use super::{MachineId, Model};
use crate::read::node_json::StatedNetwork;

/// A network behind a machine of the mesh.
#[derive(Debug, Clone)]
pub struct RoutedNetwork {
    /// Its name in the topology.
    pub name: String,
    /// Its address range.
    pub net: Ipv4Net,
    /// The machine that forwards to it.
    pub via: MachineId,
    /// The site whose LAN it is.
    pub site: Option<String>,
    /// Whether pods may open connections to it.
    pub pods: bool,
}

impl Model {
    /// What the first node states about the networks. An invariant compares all statements.
    pub(super) fn stated_networks(&self) -> Vec<RoutedNetwork> {
        let first = self.emitted.nodes.iter().take(1);
        let known = first.flat_map(|node| &node.json.content.networks).filter_map(|stated| {
            let StatedNetwork { name, subnet, site, pods, .. } = stated;
            let (name, site) = (name.value.clone(), site.clone());
            Some(RoutedNetwork {
                name,
                net: *subnet,
                via: self.find(&stated.via)?,
                site,
                pods: *pods,
            })
        });
        known.collect()
    }

    /// The network that contains the addresses of a class.
    #[must_use]
    pub fn network_of_class(&self, class: AddressClass) -> Option<&RoutedNetwork> {
        let address = self.classes.address(class);
        self.networks.iter().find(|network| network.net.contains(&address))
    }

    /// The networks behind a machine.
    pub(crate) fn networks_behind(&self, via: MachineId) -> impl Iterator<Item = &RoutedNetwork> {
        self.networks.iter().filter(move |network| network.via == via)
    }

    /// Whether a machine reaches a network by its own routes, and not through the mesh.
    #[must_use]
    pub fn is_beside(&self, id: MachineId, network: &RoutedNetwork) -> bool {
        let site = self.files(id).and_then(|files| files.json.content.site.as_ref());
        network.via == id || (site.is_some() && site == network.site.as_ref())
    }

    /// Whether packets for a class have to reach another machine through the mesh, because it is an address of the mesh
    /// or of a network behind another machine.
    #[must_use]
    pub(crate) fn is_across_mesh(&self, id: MachineId, class: AddressClass) -> bool {
        let network = self.network_of_class(class);
        self.is_private(class) || network.is_some_and(|network| !self.is_beside(id, network))
    }
}
