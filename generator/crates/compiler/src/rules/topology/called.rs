//! The machines that others call: nodes and clients with an endpoint.

use crate::derive::listen_port::listen_port;
use crate::derive::location::Location;
use crate::topology::{Topology, WrittenEndpoint};
use meshwright_value::Port;

/// A machine with a public endpoint.
pub(super) struct CalledMachine<'topology> {
    /// Its public endpoints: one, or one of each address family.
    pub endpoints: Vec<WrittenEndpoint<'topology>>,
    /// The port that is called if an endpoint has none.
    pub listens: Port,
    /// Where others reach it.
    pub location: Location,
}

/// Nodes, then clients.
pub(super) fn called_machines(topology: &Topology) -> Vec<CalledMachine<'_>> {
    let nodes = topology.nodes.iter().map(|node| CalledMachine {
        endpoints: node.public_endpoints().collect(),
        listens: listen_port(topology, node),
        location: Location::from_node(node),
    });
    let clients = topology.clients.iter().map(|client| CalledMachine {
        endpoints: client.public_endpoints().collect(),
        listens: topology.wireguard.listen_port,
        location: Location::from_client(client),
    });
    nodes.chain(clients).filter(|machine| !machine.endpoints.is_empty()).collect()
}
