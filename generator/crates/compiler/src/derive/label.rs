//! Labels that Meshwright sets on nodes.

/// The label by which BGPPeer finds route reflectors (Calico, "Configure BGP peering").
pub(crate) const ROUTE_REFLECTOR_LABEL: &str = "route-reflector";
