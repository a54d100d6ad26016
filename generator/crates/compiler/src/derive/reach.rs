//! What a client may reach.

use crate::topology::Client;
use meshwright_value::Reach;

/// The destinations that a client may reach: those that are written, else all of them, and none for one with an
/// endpoint. A person's machine is there to reach the cluster; a server is there to be reached.
#[must_use]
pub(crate) fn reach(client: &Client) -> &[Reach] {
    let default: &[Reach] = if client.endpoint.is_some() { &[] } else { Reach::ALL };
    client.reach.as_deref().unwrap_or(default)
}
