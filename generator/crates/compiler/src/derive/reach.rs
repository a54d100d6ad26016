//! What a client may reach.

use crate::topology::Client;
use meshwright_value::Reach;

/// What a person's machine reaches by default. Not the networks behind nodes: it can be in one of them itself, and
/// would then send the packets for its own LAN into the mesh.
const OF_PERSON: &[Reach] = &[Reach::Nodes, Reach::Pods, Reach::Services];

/// The destinations that a client may reach: those that are written, else the cluster, and none for one with an
/// endpoint. A person's machine is there to reach the cluster; a server is there to be reached.
#[must_use]
pub(crate) fn reach(client: &Client) -> &[Reach] {
    let default: &[Reach] = if client.endpoint.is_some() { &[] } else { OF_PERSON };
    client.reach.as_deref().unwrap_or(default)
}
