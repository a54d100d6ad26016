//! Mermaid diagrams of this cluster: the path of a packet between two pods, and the path of a request
//! to an app.

use serde::Serialize;

use crate::encode::template;
use crate::plan::host::POD_ROUTE;
use crate::plan::ingress::CLASS;
use crate::plan::path::{Hop, Station};
use crate::plan::{ClientPlan, NodePlan, Plan};
use crate::render::hello;
use meshwright_value::Reach;

/// A diagram and its caption.
#[derive(Serialize)]
pub(super) struct Picture {
    about: String,
    mermaid: String,
    /// The hostname that `meshwright trace internet` follows.
    trace: Option<String>,
}

/// The path of a packet: between two nodes, and between two that need a relay.
pub(super) fn packets(plan: &Plan) -> Vec<Picture> {
    let pairs = [plan.direct_pair(), plan.relayed_pair()];
    let drawn = pairs.into_iter().flatten().filter_map(|[from, to]| packet(plan, from, to));
    let mut pictures: Vec<_> = drawn.collect();
    if pictures.is_empty() {
        let node = plan.init_node();
        pictures.extend(packet(plan, node, node));
    }
    pictures
}

#[derive(Serialize)]
struct PacketView<'plan> {
    interface: &'plan str,
    metric: u32,
    sender: String,
    receiver: String,
    stations: Vec<StationView<'plan>>,
}

#[derive(Serialize)]
struct StationView<'plan> {
    number: usize,
    name: &'plan str,
    address: String,
    /// From which node the packet comes; absent where it starts.
    previous: Option<&'plan str>,
    /// Where it goes; absent where it ends.
    next: Option<NextView<'plan>>,
}

#[derive(Serialize)]
struct NextView<'plan> {
    number: usize,
    name: &'plan str,
    /// The outer addresses of the encrypted packet.
    wire: String,
}

fn packet(plan: &Plan, from: &NodePlan, to: &NodePlan) -> Option<Picture> {
    let path = plan.path(from, to)?;
    let view = PacketView {
        interface: plan.wireguard.interface.as_str(),
        metric: POD_ROUTE.metric,
        sender: from.pod_subnet.to_string(),
        receiver: to.pod_subnet.to_string(),
        stations: (0..path.len()).map(|at| station(&path, at)).collect(),
    };
    let mermaid = template::render("packet.mmd", &view);
    Some(Picture { about: about(plan, &path), mermaid, trace: None })
}

fn about(plan: &Plan, path: &[Station<'_>]) -> String {
    let name = |at: usize| &path[at].node.name;
    match path.len() {
        1 => format!("A packet from a pod of {} to another, on the same node", name(0)),
        2 => format!("A packet from a pod of {} to a pod of {}", name(0), name(1)),
        end => {
            let further = plan.relays(path[0].node, path[end - 1].node).iter().skip(1);
            let further: String =
                further.map(|relay| format!(", or else {}", plan.nodes[*relay].name)).collect();
            format!(
                "A packet from a pod of {} to a pod of {}, through {}{further}, which sees it decrypted",
                name(0),
                name(end - 1),
                name(1)
            )
        }
    }
}

fn station<'plan>(path: &[Station<'plan>], at: usize) -> StationView<'plan> {
    let name = |at: usize| path[at].node.name.as_str();
    let next = path[at].hop.map(|hop| NextView {
        number: at + 1,
        name: name(at + 1),
        wire: wire(hop, path[at].node, path[at + 1].node),
    });
    StationView {
        number: at,
        name: name(at),
        address: path[at].node.address.to_string(),
        previous: at.checked_sub(1).map(name),
        next,
    }
}

fn wire(hop: Hop<'_>, sender: &NodePlan, receiver: &NodePlan) -> String {
    let from = hop.from.map(|endpoint| endpoint.with_port(sender.listen_port));
    let to = hop.to.map(|endpoint| endpoint.with_port(receiver.listen_port));
    let from = from.unwrap_or_else(|| "an address of its NAT".to_owned());
    let to = to.unwrap_or_else(|| "where it last called from".to_owned());
    format!("{from} → {to}")
}

#[derive(Serialize)]
struct RequestView<'plan> {
    cluster: &'plan str,
    /// The sender of the request, if there is no tunnel.
    insider: String,
    tunnel: Option<TunnelPictureView<'plan>>,
    hostname: String,
    ingress: String,
    ingress_replicas: String,
    service: String,
    class: &'static str,
    app: String,
}

#[derive(Serialize)]
struct TunnelPictureView<'plan> {
    address: &'plan str,
    replicas: String,
}

/// The path of a request to an app; none without an Ingress controller.
pub(super) fn request(plan: &Plan) -> Option<Picture> {
    let ingress = plan.ingress.as_ref()?;
    let tunnel = plan.tunnel.as_ref();
    let view = RequestView {
        cluster: plan.name.as_str(),
        insider: insider(plan),
        tunnel: tunnel.map(|tunnel| TunnelPictureView {
            address: &tunnel.address,
            replicas: tunnel.connectors.replicas.to_string(),
        }),
        hostname: hostname(plan),
        ingress: ingress.controller.to_string(),
        ingress_replicas: ingress.replicas.to_string(),
        service: format!("{}.{}:80", ingress.workload.service, ingress.workload.namespace),
        class: CLASS,
        app: plan.hello.as_ref().map_or("your app", |_| hello::NAME).to_owned(),
    };
    let about = match tunnel {
        Some(_) => "A request from the Internet to an app".to_owned(),
        None => "A request to an app: there is no tunnel, so it comes from inside".to_owned(),
    };
    // A wildcard would be the shell's.
    let trace = tunnel.map(|_| hostname(plan)).filter(|name| !name.contains('*'));
    Some(Picture { about, mermaid: template::render("request.mmd", &view), trace })
}

fn hostname(plan: &Plan) -> String {
    let first = plan.tunnel.as_ref().and_then(|tunnel| tunnel.rules.first());
    let declared = plan.hello.as_ref().or(first.map(|rule| &rule.hostname));
    declared.map_or_else(|| "the app's hostname".to_owned(), ToString::to_string)
}

fn insider(plan: &Plan) -> String {
    let reaches = |client: &&ClientPlan| client.reach.contains(&Reach::Services);
    match plan.clients.iter().find(reaches) {
        Some(client) => {
            format!("{}, over {}", client.name, plan.wireguard.interface)
        }
        None => "a pod".to_owned(),
    }
}
