//! `README.md`: the description of `out/`: the cluster, its diagrams, the ports to open at providers, the
//! order of the deliveries, and the reader of each file.

mod order;
mod pictures;

use serde::Serialize;

use order::OrderView;
use pictures::Picture;

use crate::artifact::ArtifactSet;
use crate::derive::location::Location;
use crate::encode::GENERATED;
use crate::encode::template;
use crate::plan::network::RoutedNetworkPlan;
use crate::plan::{ClientPlan, NodePlan, Plan};
use crate::render::wg_quick::comma_separated;
use crate::render::{CLUSTER, ClusterRenderer, NODE, Output};
use meshwright_value::Port;

/// The registration.
pub(super) const RENDERER: ClusterRenderer = ClusterRenderer {
    id: "index",
    outputs: &[Output { path: "README.md", consumer: "people" }],
    render,
};

#[derive(Serialize)]
struct ReadmeView<'plan> {
    generated: &'static str,
    cluster: &'plan str,
    interface: &'plan str,
    nodes: Vec<NodeRow<'plan>>,
    clients: Vec<ClientRow<'plan>>,
    has_servers: bool,
    networks: Vec<NetworkRow<'plan>>,
    relays: Vec<RelayRow<'plan>>,
    packets: Vec<Picture>,
    request: Option<Picture>,
    ssh_port: u16,
    order: OrderView<'plan>,
    files: Vec<FileRow>,
}

#[derive(Serialize)]
struct NodeRow<'plan> {
    name: &'plan str,
    id: u32,
    role: String,
    address: String,
    pod_subnet: String,
    endpoint: String,
    listen_port: u16,
    /// The ports that its provider's firewall must accept beside WireGuard and SSH.
    ssh_from: String,
    open_ports: String,
    is_public: bool,
}

#[derive(Serialize)]
struct ClientRow<'plan> {
    name: &'plan str,
    id: u32,
    address: String,
    endpoint: String,
    via: &'plan str,
    reach: String,
}

#[derive(Serialize)]
struct NetworkRow<'plan> {
    name: &'plan str,
    subnet: String,
    via: &'plan str,
    callers: &'static str,
}

#[derive(Serialize)]
struct RelayRow<'plan> {
    name: &'plan str,
    users: String,
}

#[derive(Serialize)]
struct FileRow {
    path: String,
    consumer: &'static str,
    renderer: &'static str,
}

fn render(plan: &Plan, artifacts: &mut ArtifactSet) {
    let view = ReadmeView {
        generated: GENERATED,
        cluster: plan.name.as_str(),
        interface: plan.wireguard.interface.as_str(),
        nodes: plan.nodes.iter().map(node_row).collect(),
        clients: plan.clients.iter().map(|client| client_row(plan, client)).collect(),
        has_servers: plan.clients.iter().any(ClientPlan::is_server),
        networks: plan.networks.iter().map(network_row).collect(),
        relays: relay_rows(plan),
        packets: pictures::packets(plan),
        request: pictures::request(plan),
        ssh_port: plan.firewall.ssh_port.get(),
        order: OrderView::of(plan),
        files: file_rows(plan, artifacts),
    };
    artifacts.add("README.md", template::render("README.md", &view));
}

fn node_row(node: &NodePlan) -> NodeRow<'_> {
    NodeRow {
        name: node.name.as_str(),
        id: node.id.get(),
        role: node.role.to_string(),
        address: node.address.to_string(),
        pod_subnet: node.pod_subnet.to_string(),
        endpoint: endpoints(&node.location, node.listen_port)
            .unwrap_or_else(|| "behind NAT".to_owned()),
        listen_port: node.listen_port.get(),
        ssh_from: comma_separated(&node.ssh_from),
        open_ports: comma_separated(&node.open_ports),
        is_public: node.is_public(),
    }
}

/// The addresses at which a machine is called, with their ports; none if it calls.
fn endpoints(location: &Location, listen_port: Port) -> Option<String> {
    let all = location.endpoints.as_ref()?.iter();
    Some(all.map(|one| one.with_port(listen_port)).collect::<Vec<_>>().join(", "))
}

fn client_row<'plan>(plan: &'plan Plan, client: &'plan ClientPlan) -> ClientRow<'plan> {
    ClientRow {
        name: client.name.as_str(),
        id: client.id.get(),
        address: client.address.to_string(),
        endpoint: client
            .listen_port
            .and_then(|port| endpoints(&client.location, port))
            .unwrap_or_else(|| "calls".to_owned()),
        via: plan.nodes[client.via].name.as_str(),
        reach: match client.reach.as_slice() {
            [] => "nothing: it answers".to_owned(),
            reach => comma_separated(reach),
        },
    }
}

fn network_row(network: &RoutedNetworkPlan) -> NetworkRow<'_> {
    NetworkRow {
        name: network.name.as_str(),
        subnet: network.subnet.to_string(),
        via: network.via.as_str(),
        callers: if network.pods { "nodes, pods" } else { "nodes" },
    }
}

fn relay_rows(plan: &Plan) -> Vec<RelayRow<'_>> {
    let name = |position: usize| plan.nodes[position].name.as_str();
    let rows = plan.relayed().into_iter().map(|(relay, users)| RelayRow {
        name: name(relay),
        users: comma_separated(&users.into_iter().map(name).collect::<Vec<_>>()),
    });
    rows.collect()
}

/// Every kind of file; of `cluster/`, only the files of this cluster.
fn file_rows(plan: &Plan, artifacts: &ArtifactSet) -> Vec<FileRow> {
    let interface = plan.wireguard.interface.as_str();
    let cluster = CLUSTER.iter().map(|renderer| (renderer.id, renderer.outputs));
    let node = NODE.iter().map(|renderer| (renderer.id, renderer.outputs));
    let rows = cluster.chain(node).flat_map(|(renderer, outputs)| {
        let row = move |output: &Output| FileRow {
            path: output.path.replace("<interface>", interface),
            consumer: output.consumer,
            renderer,
        };
        outputs.iter().map(row)
    });
    let is_here = |row: &FileRow| {
        let is_overlay = row.path.ends_with("<manifest>") && !plan.overlays.is_empty();
        let is_zone = row.path.ends_with("<zone>.zone") && plan.tunnel.is_some();
        !row.path.starts_with("cluster/") || artifacts.contains(&row.path) || is_overlay || is_zone
    };
    let mut sorted: Vec<_> = rows.filter(is_here).collect();
    sorted.sort_by(|one, other| one.path.cmp(&other.path));
    sorted
}
