//! Labels: those that the cluster gives its nodes.

/// The label by which BGPPeer finds route reflectors (Calico, "Configure BGP peering").
pub(crate) const ROUTE_REFLECTOR_LABEL: &str = "route-reflector";
