//! The API's name and port.

use crate::topology::Topology;
use meshwright_value::ApiEndpoint;

/// The declared endpoint, else `k8s-api.<cluster>.internal:6443`.
#[must_use]
pub(crate) fn derive(topology: &Topology) -> ApiEndpoint {
    let declared = topology.control_plane.endpoint.clone();
    declared.unwrap_or_else(|| ApiEndpoint::default_for(&topology.cluster.name))
}
