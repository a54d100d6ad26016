//! The firewall: the sets and ports that the tables of all nodes share.

use std::net::Ipv4Addr;

use crate::plan::{ClientPlan, NodePlan};
use crate::topology::Topology;
use meshwright_value::{OpenPort, Port, Reach, Subnet, provider};

/// Sets and ports of every node's table.
#[derive(Debug, Clone)]
pub struct FirewallPlan {
    /// The port of sshd.
    pub ssh_port: Port,
    /// Whether nodes may reach sshd of each other.
    pub ssh_from_nodes: bool,
    /// More ports of hosts that pods may reach.
    pub pod_ports: Vec<OpenPort>,
    /// All nodes. A set, not the subnet: clients are in the same subnet, and could then reach each
    /// other.
    pub nodes: Vec<Ipv4Addr>,
    /// All clients.
    pub clients: Vec<Ipv4Addr>,
    /// Clients to which pods may open connections: those with an endpoint.
    pub servers: Vec<Ipv4Addr>,
    /// Clients that may reach nodes: SSH, the API and ICMP.
    pub clients_to_nodes: Vec<Ipv4Addr>,
    /// Clients that may reach pods.
    pub clients_to_pods: Vec<Ipv4Addr>,
    /// Clients that may reach Services.
    pub clients_to_services: Vec<Ipv4Addr>,
    /// Clients that may reach the networks behind nodes and servers.
    pub clients_to_networks: Vec<Ipv4Addr>,
    /// The addresses at which clouds answer their hosts, and not pods.
    pub host_services: Vec<Subnet>,
}

impl FirewallPlan {
    /// The port where sshd of `node` must listen; `None` if neither the public side nor a client or
    /// another node may reach it.
    #[must_use]
    pub fn admitted_ssh_port(&self, node: &NodePlan) -> Option<Port> {
        let is_closed = node.ssh_from.is_empty() && self.clients_to_nodes.is_empty();
        (!is_closed || self.ssh_from_nodes).then_some(self.ssh_port)
    }
}

pub(super) fn derive(
    topology: &Topology,
    nodes: &[NodePlan],
    clients: &[ClientPlan],
) -> FirewallPlan {
    let reaching = |reach: Reach| {
        let allowed = clients.iter().filter(move |client| client.reach.contains(&reach));
        allowed.map(|client| client.address).collect()
    };
    FirewallPlan {
        ssh_port: topology.firewall.ssh_port,
        ssh_from_nodes: topology.firewall.ssh_from_nodes,
        pod_ports: topology.firewall.pod_ports.clone(),
        nodes: sorted(nodes.iter().map(|node| node.address)),
        clients: sorted(clients.iter().map(|client| client.address)),
        servers: sorted(
            clients.iter().filter(|client| client.is_server()).map(|client| client.address),
        ),
        clients_to_nodes: reaching(Reach::Nodes),
        clients_to_pods: reaching(Reach::Pods),
        clients_to_services: reaching(Reach::Services),
        clients_to_networks: reaching(Reach::Networks),
        host_services: provider::host_services(topology.network.subnets()).collect(),
    }
}

fn sorted(addresses: impl Iterator<Item = Ipv4Addr>) -> Vec<Ipv4Addr> {
    let mut sorted: Vec<_> = addresses.collect();
    sorted.sort_unstable();
    sorted
}
