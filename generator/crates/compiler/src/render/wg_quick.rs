//! `wg0.conf` (wg-quick(8)), the list of its peers for scripts, and the settings that must not be in it:
//! endpoints that are names, and the routes to the other nodes' pods.

use ipnet::Ipv4Net;
use serde::Serialize;

use crate::artifact::ArtifactSet;
use crate::derive::mtu::Reason;
use crate::encode::GENERATED;
use crate::encode::template;
use crate::plan::Plan;
use crate::plan::host::{HostPeer, HostWireGuard, POD_ROUTE};
use crate::plan::mesh::{MovablePair, Peer, PeerIdentity};
use crate::render::{NodeRenderer, NodeView, Output};
use meshwright_value::{Endpoint, Subnet, WIREGUARD_OVERHEAD};

/// The registration.
pub const RENDERER: NodeRenderer = NodeRenderer {
    id: "wg_quick",
    outputs: &[
        Output {
            path: "nodes/<node>/<interface>.conf",
            consumer: "wg-quick(8), as /etc/wireguard/wg0.conf",
        },
        Output {
            path: "nodes/<node>/<interface>.peers",
            consumer: "meshwright-node: a line for each peer, its columns separated by tabs",
        },
        Output { path: "nodes/<node>/<interface>.routes", consumer: "ip -batch, after wg-quick" },
        Output {
            path: "nodes/<node>/<interface>.endpoints",
            consumer: "meshwright-node wg-resolve, where endpoints are names",
        },
        Output {
            path: "nodes/<node>/<interface>.relays",
            consumer: "meshwright-node relays, where a pair has several: a line for each, its columns separated by tabs",
        },
    ],
    render,
};

#[derive(Serialize)]
struct WgQuickView<'plan> {
    generated: &'static str,
    name: &'plan str,
    id: u32,
    cluster: &'plan str,
    interface: &'plan str,
    address: String,
    listen_port: u16,
    mtu: u16,
    mtu_reason: String,
    private_key_file: String,
    preshared: Vec<HostPeer<'plan>>,
}

#[derive(Serialize)]
struct WgQuickPeerView<'plan> {
    name: &'plan str,
    public_key: String,
    allowed_ips: String,
    endpoint: Option<&'plan str>,
    persistent_keepalive: Option<u16>,
}

#[derive(Serialize)]
struct EndpointsView<'plan> {
    generated: &'static str,
    name: &'plan str,
    interface: &'plan str,
    peers: Vec<HostPeer<'plan>>,
}

#[derive(Serialize)]
struct RouteView<'plan> {
    subnet: String,
    interface: &'plan str,
    protocol: &'static str,
    metric: u32,
}

#[derive(Serialize)]
struct RoutesView {
    generated: &'static str,
    has_networks: bool,
}

fn render(view: &NodeView<'_>, artifacts: &mut ArtifactSet) {
    let interface = &view.plan.wireguard.interface;
    artifacts.add(view.path(&format!("{interface}.conf")), conf(view));
    artifacts.add(view.path(&format!("{interface}.peers")), peer_list(view));
    artifacts.add(view.path(&format!("{interface}.routes")), routes(view));
    let named: Vec<_> = view.peers.iter().filter(|peer| is_name(peer.endpoint)).collect();
    if !named.is_empty() {
        artifacts.add(view.path(&format!("{interface}.endpoints")), endpoints(view, &named));
    }
    let relays = relays(view);
    if !relays.is_empty() {
        artifacts.add(view.path(&format!("{interface}.relays")), relays);
    }
}

fn conf(view: &NodeView<'_>) -> String {
    let NodeView { plan, node, peers, .. } = view;
    let preshared = if plan.wireguard.preshared_keys { *peers } else { &[] };
    let head = WgQuickView {
        generated: GENERATED,
        name: node.name.as_str(),
        id: node.id.get(),
        cluster: plan.name.as_str(),
        interface: plan.wireguard.interface.as_str(),
        address: plan.interface_address(node),
        listen_port: node.listen_port.get(),
        mtu: plan.wireguard.mtu.value,
        mtu_reason: mtu_reason(&plan.wireguard.mtu.reason),
        private_key_file: HostWireGuard::private_key_file(&plan.wireguard.interface),
        preshared: preshared.iter().map(|peer| plan.host_peer(peer)).collect(),
    };
    let mut conf = template::render("wg-quick.conf", &head);
    for peer in *peers {
        match peer.identity {
            PeerIdentity::Node(node) if peer.is_common() => {
                conf.push_str(&view.shared(node).peer_section);
            }
            _ => conf.push_str(&node_section(plan, peer)),
        }
    }
    conf
}

/// A `[Peer]` section of a node; an endpoint that is a name is in `wg0.endpoints` instead.
pub(super) fn node_section(plan: &Plan, peer: &Peer<'_>) -> String {
    let mut host_peer = plan.host_peer(peer);
    host_peer.endpoint = host_peer.endpoint.filter(|_| !is_name(peer.endpoint));
    section(&host_peer)
}

/// A `[Peer]` section.
pub fn section(peer: &HostPeer<'_>) -> String {
    let view = WgQuickPeerView {
        name: peer.name.as_str(),
        public_key: peer.public_key.to_string(),
        allowed_ips: comma_separated(peer.allowed_ips),
        endpoint: peer.endpoint.as_deref(),
        persistent_keepalive: peer.persistent_keepalive,
    };
    template::render("wg-quick-peer.conf", &view)
}

/// The peers for the script on the hosts, so that it never parses `wg0.conf`. The file has no comment:
/// the script reads each line as a peer.
fn peer_list(view: &NodeView<'_>) -> String {
    let mut lines = String::new();
    for peer in view.peers {
        match peer.identity {
            PeerIdentity::Node(node) if peer.is_common() => {
                lines.push_str(&view.shared(node).peer_line);
            }
            _ => lines.push_str(&peer_line(view.plan, peer)),
        }
    }
    lines
}

/// The columns are kind, name, public key, the addresses of the machines that the peer carries, and
/// the file of the preshared key or `-`: bash(1) drops an empty column between tabs.
pub(super) fn peer_line(plan: &Plan, peer: &Peer<'_>) -> String {
    let kind = match peer.identity {
        PeerIdentity::Node(_) => "node",
        PeerIdentity::Client(_) => "client",
    };
    let host_peer = plan.host_peer(peer);
    let is_network =
        |net: &Ipv4Net| plan.networks.iter().any(|network| network.subnet.net() == *net);
    let is_machine = |net: &&Ipv4Net| net.prefix_len() == net.max_prefix_len() && !is_network(net);
    let machines = peer.allowed_ips.iter().filter(is_machine);
    let addresses: Vec<_> = machines.map(|net| net.addr().to_string()).collect();
    let columns = [
        kind,
        host_peer.name.as_str(),
        &host_peer.public_key.to_string(),
        &addresses.join(","),
        host_peer.preshared_key_file.as_deref().unwrap_or("-"),
    ];
    columns.join("\t") + "\n"
}

fn routes(view: &NodeView<'_>) -> String {
    let elsewhere: Vec<_> = view.plan.networks_elsewhere(view.node).collect();
    let head = RoutesView { generated: GENERATED, has_networks: !elsewhere.is_empty() };
    let mut routes = template::render("wg-routes", &head);
    let others = view.plan.nodes.iter().filter(|other| other.id != view.node.id);
    for other in others {
        routes.push_str(&view.shared(other).pod_route);
    }
    for network in elsewhere {
        routes.push_str(&route(view.plan, network));
    }
    routes
}

fn endpoints(view: &NodeView<'_>, named: &[&Peer<'_>]) -> String {
    let endpoints = EndpointsView {
        generated: GENERATED,
        name: view.node.name.as_str(),
        interface: view.plan.wireguard.interface.as_str(),
        peers: named.iter().map(|peer| view.plan.host_peer(peer)).collect(),
    };
    template::render("wg-endpoints", &endpoints)
}

/// The pairs with several relays: a line for each relay of each pair, in the order in which they are used. The columns are the
/// name of the other node, its address, the addresses that move from the peer of one relay to that of another, and the
/// name, the address and the public key of the relay. The file has no comment: the script reads each line.
fn relays(view: &NodeView<'_>) -> String {
    let mut lines = String::new();
    for MovablePair { other, relays } in view.plan.movable_pairs(view.node) {
        let moved: Vec<_> = other.prefixes().iter().map(ToString::to_string).collect();
        for relay in relays {
            let columns = [
                other.name.as_str(),
                &other.address.to_string(),
                &moved.join(","),
                relay.name.as_str(),
                &relay.address.to_string(),
                &relay.public_key.to_string(),
            ];
            lines.push_str(&columns.join("\t"));
            lines.push('\n');
        }
    }
    lines
}

/// The line of a route into the mesh.
pub(super) fn route(plan: &Plan, subnet: Subnet) -> String {
    let view = RouteView {
        subnet: subnet.to_string(),
        interface: plan.wireguard.interface.as_str(),
        protocol: POD_ROUTE.protocol,
        metric: POD_ROUTE.metric,
    };
    template::render("wg-route", &view)
}

pub(super) fn comma_separated(items: &[impl ToString]) -> String {
    items.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

fn mtu_reason(reason: &Reason) -> String {
    match reason {
        Reason::Declared => "Declared in the topology.".to_owned(),
        Reason::SmallestUnderlay { node, underlay } => {
            format!("The smallest underlay is that of {node}: {underlay} - {WIREGUARD_OVERHEAD}.")
        }
        Reason::SmallestSite { site, underlay } => format!(
            "The smallest underlay is the network of the site {site}: {underlay} - {WIREGUARD_OVERHEAD}."
        ),
    }
}

/// Debian's wg-quick@ retries a name for ever (WG_ENDPOINT_RESOLUTION_RETRIES): one name that does not
/// resolve would prevent the start of wg0 and kubelet.
fn is_name(endpoint: Option<&Endpoint>) -> bool {
    endpoint.is_some_and(Endpoint::is_name)
}
