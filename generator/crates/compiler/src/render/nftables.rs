//! `nftables.conf`: our own table. It was run beside real Calico and kube-proxy: 0 of 65,535 public ports
//! open, 0 packets in clear text.

use std::net::Ipv4Addr;

use ipnet::IpNet;
use serde::Serialize;

use crate::artifact::ArtifactSet;
use crate::encode::GENERATED;
use crate::encode::template;
use crate::plan::Plan;
use crate::plan::control_plane::API_PORT;
use crate::plan::network::RoutedNetworkPlan;
use crate::render::fixed::{FixedFacts, FixedNode, FixedObjects};
use crate::render::wg_quick::comma_separated;
use crate::render::{NodeRenderer, NodeView, Output};
use meshwright_value::{OpenPort, SourceNet, Subnet};

/// The registration.
pub(super) const RENDERER: NodeRenderer = NodeRenderer {
    id: "nftables",
    outputs: &[
        Output {
            path: "nodes/<node>/nftables.conf",
            consumer: "nft -f, by meshwright-firewall.service",
        },
        Output {
            path: "nodes/<node>/first-boot/nftables.conf",
            consumer: "nft -f, by meshwright-firewall.service until the first delivery; not on NixOS",
        },
    ],
    render,
};

/// The name of the table of the first boot in a node's folder. Only user-data contains it: it grows with neither nodes
/// nor clients, so that user-data of a large mesh fits.
pub(super) const FIRST_BOOT: &str = "first-boot/nftables.conf";

/// kubelet's port (Kubernetes, "Ports and Protocols").
const KUBELET_PORT: u16 = 10_250;

/// kube-apiserver's default `--service-node-port-range` (kube-apiserver(8), 1.37).
const NODE_PORTS: &str = "30000-32767";

#[derive(Serialize)]
struct NftablesView<'plan> {
    generated: &'static str,
    name: &'plan str,
    interface: &'plan str,
    listen_port: u16,
    ssh_port: u16,
    ssh_from_v4: String,
    ssh_from_v6: String,
    open_ports: Vec<OpenPortView>,
    private_subnets: String,
    /// The networks behind other machines, or empty.
    networks_elsewhere: String,
    volumes_for_root: bool,
    /// Absent at the first boot, which has no interface of the mesh and no pods.
    mesh: Option<MeshView<'plan>>,
}

#[derive(Serialize)]
struct MeshView<'plan> {
    cluster: &'plan str,
    id: u32,
    api_port: u16,
    kubelet_port: u16,
    node_ports: &'static str,
    ssh_from_nodes: bool,
    pod_ports: Vec<OpenPortView>,
    nodes: String,
    client_sets: Vec<SetView>,
    /// Whether pods may open connections to a client.
    has_servers: bool,
    host_services: String,
    node_subnet: String,
    pod_subnet: String,
    service_subnet: String,
    networks: NetworksView,
}

/// The networks of `[[networks]]`, each list empty if there is none.
#[derive(Serialize)]
struct NetworksView {
    all: String,
    /// Those to which pods open no connection.
    closed_to_pods: String,
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

/// What a node admits without its mesh.
struct PublicSide<'plan> {
    listen_port: u16,
    ssh_port: u16,
    ssh_from: &'plan [IpNet],
    open_ports: &'plan [OpenPort],
    volumes_for_root: bool,
}

fn render(view: &NodeView<'_>, artifacts: &mut ArtifactSet) {
    let NodeView { plan, node, .. } = view;
    let ssh_from: Vec<_> = node.ssh_from.iter().map(SourceNet::net).collect();
    let public = PublicSide {
        listen_port: node.listen_port.get(),
        ssh_port: plan.firewall.ssh_port.get(),
        ssh_from: &ssh_from,
        open_ports: &node.open_ports,
        volumes_for_root: node.provider.guards_volumes,
    };
    let table = |mesh| NftablesView {
        mesh,
        ..NftablesView::of_first_boot(
            node.name.as_str(),
            plan.wireguard.interface.as_str(),
            &public,
            &plan.network.subnets(),
            &plan.networks_elsewhere(node).collect::<Vec<_>>(),
        )
    };
    let whole = template::render("nftables.conf", &table(Some(mesh(view))));
    artifacts.add(view.path("nftables.conf"), whole);
    if !node.os.is_nixos() {
        artifacts.add(view.path(FIRST_BOOT), template::render("nftables.conf", &table(None)));
    }
}

/// The table of the first boot of one node for facts of its other files.
pub(super) fn render_fixed(
    facts: &FixedFacts<'_>,
    node: &FixedNode<'_>,
    artifacts: &mut ArtifactSet,
) {
    if node.os.is_nixos() {
        return;
    }
    let FixedObjects { node_subnet, pod_subnet, service_subnet, .. } = facts.objects;
    let public = PublicSide {
        listen_port: node.listen_port,
        ssh_port: node.ssh_port,
        ssh_from: node.ssh_from,
        open_ports: node.open_ports,
        volumes_for_root: node.volumes_for_root,
    };
    let subnets = [node_subnet, pod_subnet, service_subnet];
    let elsewhere = &node.networks_elsewhere;
    let view =
        NftablesView::of_first_boot(node.name, facts.interface, &public, &subnets, elsewhere);
    let path = format!("nodes/{}/{FIRST_BOOT}", node.name);
    artifacts.add(path, template::render("nftables.conf", &view));
}

impl<'plan> NftablesView<'plan> {
    fn of_first_boot(
        name: &'plan str,
        interface: &'plan str,
        public: &PublicSide<'_>,
        subnets: &[Subnet],
        networks_elsewhere: &[Subnet],
    ) -> Self {
        let (ssh_from_v4, ssh_from_v6): (Vec<IpNet>, Vec<IpNet>) =
            public.ssh_from.iter().copied().partition(|net| matches!(net, IpNet::V4(_)));
        Self {
            generated: GENERATED,
            name,
            interface,
            listen_port: public.listen_port,
            ssh_port: public.ssh_port,
            ssh_from_v4: comma_separated(&ssh_from_v4),
            ssh_from_v6: comma_separated(&ssh_from_v6),
            open_ports: public.open_ports.iter().map(open_port).collect(),
            private_subnets: comma_separated(subnets),
            networks_elsewhere: comma_separated(networks_elsewhere),
            volumes_for_root: public.volumes_for_root,
            mesh: None,
        }
    }
}

fn mesh<'plan>(view: &NodeView<'plan>) -> MeshView<'plan> {
    let NodeView { plan, node, .. } = view;
    let (firewall, network) = (&plan.firewall, &plan.network);
    MeshView {
        cluster: plan.name.as_str(),
        id: node.id.get(),
        api_port: API_PORT,
        kubelet_port: KUBELET_PORT,
        node_ports: NODE_PORTS,
        ssh_from_nodes: firewall.ssh_from_nodes,
        pod_ports: firewall.pod_ports.iter().map(open_port).collect(),
        nodes: comma_separated(&firewall.nodes),
        client_sets: client_sets(plan),
        has_servers: !firewall.servers.is_empty(),
        host_services: comma_separated(&firewall.host_services),
        node_subnet: network.node_subnet.to_string(),
        pod_subnet: network.pod_subnet.to_string(),
        service_subnet: network.service_subnet.to_string(),
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

fn open_port(port: &OpenPort) -> OpenPortView {
    let (first, last) = (port.first().get(), port.last().get());
    let range = if first == last { first.to_string() } else { format!("{first}-{last}") };
    OpenPortView { protocol: port.protocol().to_string(), range }
}
