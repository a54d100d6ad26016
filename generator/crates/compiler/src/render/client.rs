//! `wg0.conf` of clients: an ordinary wg-quick(8) file with its routes.

use serde::Serialize;

use crate::artifact::ArtifactSet;
use crate::encode::GENERATED;
use crate::encode::template;
use crate::plan::host::{HostPeer, HostWireGuard};
use crate::plan::{ClientPlan, Plan};
use crate::render::wg_quick::{comma_separated, section};
use crate::render::{ClusterRenderer, Output};
use meshwright_value::Port;

/// The registration.
pub const RENDERER: ClusterRenderer = ClusterRenderer {
    id: "client",
    outputs: &[Output {
        path: "clients/<client>/<interface>.conf",
        consumer: "wg-quick(8) on that client",
    }],
    render,
};

/// The interface of a client, in its files with and without keys.
#[derive(Serialize)]
pub struct ClientInterface<'plan> {
    name: &'plan str,
    id: u32,
    cluster: &'plan str,
    address: String,
    listen_port: Option<u16>,
    mtu: u16,
    dns_address: String,
    dns_domain: String,
    /// The settings with which it forwards to the networks behind it; empty if there is none.
    forwarding: String,
}

/// The settings with which a client forwards to the networks behind it.
#[derive(Serialize)]
struct ForwardingView {
    networks: String,
    node_subnet: String,
}

impl<'plan> ClientInterface<'plan> {
    /// The interface of one client.
    pub fn from_client(plan: &'plan Plan, client: &'plan ClientPlan) -> Self {
        Self {
            name: client.name.as_str(),
            id: client.id.get(),
            cluster: plan.name.as_str(),
            address: format!("{}/32", client.address),
            listen_port: client.listen_port.map(Port::get),
            mtu: plan.wireguard.mtu.value,
            dns_address: plan.dns_address().to_string(),
            dns_domain: plan.network.dns_domain.to_string(),
            forwarding: forwarding(plan, client),
        }
    }
}

fn forwarding(plan: &Plan, client: &ClientPlan) -> String {
    let view = ForwardingView {
        networks: comma_separated(&client.networks),
        node_subnet: plan.network.node_subnet.to_string(),
    };
    match client.networks.is_empty() {
        true => String::new(),
        false => template::render("wg-quick-forwarding.conf", &view),
    }
}

#[derive(Serialize)]
struct ClientView<'plan> {
    generated: &'static str,
    #[serde(flatten)]
    interface: ClientInterface<'plan>,
    private_key_file: String,
    preshared: Vec<HostPeer<'plan>>,
}

fn render(plan: &Plan, artifacts: &mut ArtifactSet) {
    for client in &plan.clients {
        let path = format!("clients/{}/{}.conf", client.name, plan.wireguard.interface);
        artifacts.add(path, conf(plan, client));
    }
}

fn conf(plan: &Plan, client: &ClientPlan) -> String {
    let peers = plan.peers_of_client(client);
    let preshared = if plan.wireguard.preshared_keys { peers.as_slice() } else { &[] };
    let view = ClientView {
        generated: GENERATED,
        interface: ClientInterface::from_client(plan, client),
        private_key_file: HostWireGuard::private_key_file(&plan.wireguard.interface),
        preshared: preshared.iter().map(|peer| plan.host_peer(peer)).collect(),
    };
    let sections = peers.iter().map(|peer| section(&plan.host_peer(peer)));
    sections.fold(template::render("wg-quick-client.conf", &view), |conf, section| conf + &section)
}
