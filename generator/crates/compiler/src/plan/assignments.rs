//! Assignments: the values that the rules about a topology guarantee, each in its type.
//!
//! The plan is derived from these, so that deriving it cannot fail.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use crate::check::Checked;
use crate::derive::address;
use crate::derive::mtu::{self, MeshMtu};
use crate::topology::{Client, Node, Topology};
use meshwright_value::{Name, PublicKey, Relays, Role, Subnet};

/// A topology with every value that follows from it and must exist.
#[derive(Debug)]
pub struct Assignments<'topology> {
    pub(super) topology: &'topology Topology,
    /// The nodes by id.
    pub(super) nodes: Vec<NodeAssignment<'topology>>,
    /// The clients by id.
    pub(super) clients: Vec<ClientAssignment<'topology>>,
    /// The position of the node that initialises the cluster.
    pub(super) init: usize,
    pub(super) mtu: MeshMtu,
}

/// A node with its values in the mesh.
#[derive(Debug)]
pub(super) struct NodeAssignment<'topology> {
    pub(super) node: &'topology Node,
    pub(super) address: Ipv4Addr,
    pub(super) pod_subnet: Subnet,
    pub(super) public_key: PublicKey,
    /// The positions of its relays, in their order.
    pub(super) relays: Vec<usize>,
}

/// A client with its values in the mesh.
#[derive(Debug)]
pub(super) struct ClientAssignment<'topology> {
    pub(super) client: &'topology Client,
    pub(super) address: Ipv4Addr,
    pub(super) public_key: PublicKey,
    /// The position of the node that carries the traffic that the client cannot send itself.
    pub(super) via: usize,
}

impl<'topology> Assignments<'topology> {
    /// The assignments of a topology. `None` where one is missing although every rule has passed:
    /// a bug in a rule, whatever the topology contains.
    #[must_use]
    pub fn from_topology(topology: &'topology Checked<Topology>) -> Option<Self> {
        let mut sorted_nodes: Vec<_> = topology.nodes.iter().collect();
        sorted_nodes.sort_by_key(|node| node.id);
        let positions: BTreeMap<&Name, usize> = sorted_nodes
            .iter()
            .enumerate()
            .map(|(position, node)| (&node.name, position))
            .collect();
        let nodes: Option<Vec<_>> =
            sorted_nodes.iter().map(|node| assign_node(node, topology, &positions)).collect();

        let init = match &topology.control_plane.init {
            Some(name) => positions.get(name).copied(),
            None => sorted_nodes.iter().position(|node| node.role == Role::ControlPlane),
        }?;
        // Clients mostly call the API; they cannot call an init node behind NAT.
        let is_public = |node: &&Node| node.endpoint.is_some();
        let default_via = match is_public(&sorted_nodes[init]) {
            true => Some(init),
            false => sorted_nodes.iter().position(is_public),
        };
        let mut sorted_clients: Vec<_> = topology.clients.iter().collect();
        sorted_clients.sort_by_key(|client| client.id);
        let clients = sorted_clients.into_iter().map(|client| {
            // A client with an endpoint has a tunnel to every node.
            let default_via = default_via.or(client.endpoint.is_some().then_some(init));
            Some(ClientAssignment {
                client,
                address: address::client_address(client, &topology.network)?,
                public_key: client.public_key?,
                via: match &client.via {
                    Some(name) => positions.get(name).copied()?,
                    None => default_via?,
                },
            })
        });
        let (nodes, clients) = (nodes?, clients.collect::<Option<_>>()?);
        Some(Self { topology, nodes, clients, init, mtu: mtu::derive(topology)? })
    }
}

fn assign_node<'topology>(
    node: &'topology Node,
    topology: &Topology,
    positions: &BTreeMap<&Name, usize>,
) -> Option<NodeAssignment<'topology>> {
    let names = node.relay.iter().flat_map(Relays::iter);
    let relays = names.map(|name| positions.get(name).copied()).collect::<Option<_>>()?;
    Some(NodeAssignment {
        node,
        address: address::node_address(node, &topology.network)?,
        pod_subnet: address::pod_block(node, &topology.network)?,
        public_key: node.public_key?,
        relays,
    })
}

#[cfg(test)]
mod tests {
    use super::Assignments;
    use crate::check::check;
    use crate::diagnostic::Problems;
    use crate::document::Document;
    use crate::source::Source;
    use crate::topology::Topology;

    const COMPLETE: &str = "\
[cluster]
name = \"atlas\"
kubernetes_version = \"1.37.2\"

[[nodes]]
name = \"n1\"
id = 1
role = \"control-plane\"
endpoint = \"203.0.113.1\"
public_key = \"1AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\"
";

    /// Whether a topology that no rule has checked has all assignments.
    fn is_complete(text: &str) -> bool {
        let source = Source { name: "topology.toml".to_owned(), text: text.to_owned() };
        let (document, _) = Document::parse(source);
        let mut problems = Problems::default();
        let topology = Topology::from_document(&document, &mut problems).unwrap();
        let checked = check(topology, [], &mut problems).unwrap();
        Assignments::from_topology(&checked).is_some()
    }

    #[test]
    fn a_topology_that_no_rule_has_looked_at_is_refused_without_a_panic() {
        let client = "[[clients]]\nname = \"c\"\nid = 2\n\
                      public_key = \"2AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\"\n";
        let complete = COMPLETE.to_owned() + client;
        assert!(is_complete(&complete));
        let damages = [
            ("id = 1\n", "id = 300\n"),
            ("public_key = \"1", "# \"1"),
            ("public_key = \"2", "# \"2"),
            ("role = \"control-plane\"", "role = \"worker\""),
            ("endpoint", "relay = \"n9\"\n#"),
            ("endpoint", "#"),
            ("id = 2\n", "id = 2\nvia = \"n9\"\n"),
            ("[[nodes]]", "[control_plane]\ninit = \"n9\"\n[[nodes]]"),
        ];
        for (from, to) in damages {
            assert!(complete.contains(from));
            assert!(!is_complete(&complete.replacen(from, to, 1)), "{to}");
        }
    }
}
