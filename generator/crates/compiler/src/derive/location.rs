//! Locations: where a node can be reached, and which node can call which.

use meshwright_value::{Endpoint, Endpoints, Name};

use crate::topology;

/// Where a node can be reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Location {
    /// Its public addresses; none behind NAT.
    pub endpoints: Option<Endpoints>,
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
            endpoints: node.endpoint.clone(),
            site: node.site.clone(),
            lan_endpoint: node.lan_endpoint.clone(),
        }
    }

    /// The location of a client: it is in no site.
    #[must_use]
    pub fn from_client(client: &topology::Client) -> Self {
        Self { endpoints: client.endpoint.clone(), site: None, lan_endpoint: None }
    }

    /// The address at which `self` calls `other`; `None` if only `other` can call.
    #[must_use]
    pub fn endpoint_of<'other>(&self, other: &'other Self) -> Option<&'other Endpoint> {
        let caller = self.endpoints.as_ref();
        let public = || Some(other.endpoints.as_ref()?.called_by(caller));
        self.lan_endpoint_of(other).or_else(public)
    }

    /// The address at which most others call it: those that are not in its site, and do not have IPv6 only.
    #[must_use]
    pub fn common_endpoint(&self) -> Option<&Endpoint> {
        self.endpoints.as_ref().map(Endpoints::preferred)
    }

    fn lan_endpoint_of<'other>(&self, other: &'other Self) -> Option<&'other Endpoint> {
        let shared_site = self.site.is_some() && self.site == other.site;
        other.lan_endpoint.as_ref().filter(|_| shared_site)
    }

    /// Whether one of the two calls the other at another address than its public one: in their LAN.
    #[must_use]
    pub fn meets_in_lan(&self, other: &Self) -> bool {
        let in_lan = |caller: &Self, called: &Self| {
            let lan = caller.lan_endpoint_of(called);
            lan.is_some() && lan != called.common_endpoint()
        };
        in_lan(self, other) || in_lan(other, self)
    }

    /// Whether one of the two can call the other. Where neither can, they need a relay.
    #[must_use]
    pub fn connects(&self, other: &Self) -> bool {
        self.endpoint_of(other).is_some() || other.endpoint_of(self).is_some()
    }
}
