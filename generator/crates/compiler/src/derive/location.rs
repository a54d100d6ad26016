//! Locations: where a node can be reached, and which node can call which.

use meshwright_value::{Endpoint, Name};

use crate::topology;

/// Where a node can be reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Location {
    /// Its public address; none behind NAT.
    pub endpoint: Option<Endpoint>,
    /// The private network that it is in.
    pub site: Option<Name>,
    /// Its address there.
    pub lan_endpoint: Option<Endpoint>,
}

impl Location {
    /// The location that a topology gives a node.
    #[must_use]
    pub fn from_node(node: &topology::Node) -> Self {
        Self {
            endpoint: node.endpoint.clone(),
            site: node.site.clone(),
            lan_endpoint: node.lan_endpoint.clone(),
        }
    }

    /// The address at which `self` calls `other`; `None` if only `other` can call.
    #[must_use]
    pub fn endpoint_of<'other>(&self, other: &'other Self) -> Option<&'other Endpoint> {
        let shared_site = self.site.is_some() && self.site == other.site;
        let lan_endpoint = other.lan_endpoint.as_ref().filter(|_| shared_site);
        lan_endpoint.or(other.endpoint.as_ref())
    }

    /// Whether one of the two calls the other at another address than its public one: in their LAN.
    #[must_use]
    pub fn meets_in_lan(&self, other: &Self) -> bool {
        self.endpoint_of(other) != other.endpoint.as_ref()
            || other.endpoint_of(self) != self.endpoint.as_ref()
    }

    /// Whether one of the two can call the other. Where neither can, they need a relay.
    #[must_use]
    pub fn connects(&self, other: &Self) -> bool {
        self.endpoint_of(other).is_some() || other.endpoint_of(self).is_some()
    }
}
