//! The firewall: the sets and ports that the tables of all nodes share.

use std::net::Ipv4Addr;

use crate::plan::{ClientPlan, NodePlan};
use crate::topology::Topology;
use meshwright_value::{Port, Reach, SourceNet};

/// Sets and ports of every node's table.
#[derive(Debug, Clone)]
pub struct FirewallPlan {
    /// The port of sshd.
    pub ssh_port: Port,
    /// The sources that may reach it over IPv4.
    pub ssh_from_v4: Vec<SourceNet>,
    /// The sources that may reach it over IPv6.
    pub ssh_from_v6: Vec<SourceNet>,
    /// All nodes. A set, not the subnet: clients are in the same subnet, and could then reach each
    /// other.
    pub nodes: Vec<Ipv4Addr>,
    /// All clients.
    pub clients: Vec<Ipv4Addr>,
    /// Clients that may reach nodes: SSH, the API and ICMP.
    pub clients_to_nodes: Vec<Ipv4Addr>,
    /// Clients that may reach pods.
    pub clients_to_pods: Vec<Ipv4Addr>,
    /// Clients that may reach Services.
    pub clients_to_services: Vec<Ipv4Addr>,
}

impl FirewallPlan {
    /// The port where sshd must listen; `None` if neither the public side nor a client may reach
    /// it.
    #[must_use]
    pub fn admitted_ssh_port(&self) -> Option<Port> {
        let is_closed = self.ssh_from_v4.is_empty()
            && self.ssh_from_v6.is_empty()
            && self.clients_to_nodes.is_empty();
        (!is_closed).then_some(self.ssh_port)
    }
}

pub(super) fn derive(
    topology: &Topology,
    nodes: &[NodePlan],
    clients: &[ClientPlan],
) -> FirewallPlan {
    let ssh_from = topology.firewall.ssh_from.iter().cloned();
    let (ssh_from_v4, ssh_from_v6) = ssh_from.partition(SourceNet::is_ipv4);
    let reaching = |reach: Reach| {
        let allowed = clients.iter().filter(move |client| client.reach.contains(&reach));
        allowed.map(|client| client.address).collect()
    };
    FirewallPlan {
        ssh_port: topology.firewall.ssh_port,
        ssh_from_v4,
        ssh_from_v6,
        nodes: sorted(nodes.iter().map(|node| node.address)),
        clients: sorted(clients.iter().map(|client| client.address)),
        clients_to_nodes: reaching(Reach::Nodes),
        clients_to_pods: reaching(Reach::Pods),
        clients_to_services: reaching(Reach::Services),
    }
}

fn sorted(addresses: impl Iterator<Item = Ipv4Addr>) -> Vec<Ipv4Addr> {
    let mut sorted: Vec<_> = addresses.collect();
    sorted.sort_unstable();
    sorted
}
