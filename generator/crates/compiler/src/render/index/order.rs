//! The order of the deliveries, with the command for each.

use serde::Serialize;

use crate::plan::tunnel::DnsZonePlan;
use crate::plan::{NodePlan, Plan};
use crate::render::cloudflared;
use meshwright_value::TunnelMode;

/// The steps that are done once, and those for each change.
#[derive(Serialize)]
pub(super) struct OrderView<'plan> {
    cluster: &'plan str,
    init: &'plan str,
    /// Whether the init node applies `cluster/` itself.
    applies_manifests: bool,
    /// Whether `apply.sh` needs Secrets.
    has_secrets: bool,
    /// Whether a machine is set up by user-data.
    has_cloud_init: bool,
    nixos: Vec<NixosView<'plan>>,
    deliveries: Vec<String>,
    clients: Vec<&'plan str>,
    tunnel: Option<TunnelOrderView<'plan>>,
    hello: Option<&'plan str>,
}

/// A machine that is installed from a flake.
#[derive(Serialize)]
struct NixosView<'plan> {
    name: &'plan str,
    host: String,
}

#[derive(Serialize)]
struct TunnelOrderView<'plan> {
    id: &'plan str,
    zones: Vec<DnsZoneOrderView<'plan>>,
    /// The request body for Cloudflare's API, if Cloudflare stores the rules.
    configuration: Option<&'static str>,
}

/// The records of one DNS zone.
#[derive(Serialize)]
struct DnsZoneOrderView<'plan> {
    name: &'plan str,
    file: String,
}

impl<'plan> DnsZoneOrderView<'plan> {
    fn of(zone: &'plan DnsZonePlan) -> Self {
        Self { name: &zone.name, file: cloudflared::dns_zone_path(zone) }
    }
}

impl<'plan> OrderView<'plan> {
    pub(super) fn of(plan: &'plan Plan) -> Self {
        let (nixos, cloud_init): (Vec<_>, Vec<_>) =
            plan.nodes.iter().partition(|node| node.os.is_nixos());
        let remote = |mode| (mode == TunnelMode::Remote).then_some(cloudflared::CONFIGURATION.path);
        Self {
            cluster: plan.name.as_str(),
            init: plan.init_node().name.as_str(),
            applies_manifests: plan.control_plane.applies_manifests,
            has_secrets: plan.calico.bgp_password || plan.tunnel.is_some(),
            has_cloud_init: !cloud_init.is_empty(),
            nixos: nixos.into_iter().map(NixosView::of).collect(),
            deliveries: deliveries(plan),
            clients: plan.clients.iter().map(|client| client.name.as_str()).collect(),
            tunnel: plan.tunnel.as_ref().map(|tunnel| TunnelOrderView {
                id: tunnel.id.as_str(),
                zones: tunnel.zones.iter().map(DnsZoneOrderView::of).collect(),
                configuration: remote(tunnel.mode),
            }),
            hello: plan.hello.as_ref().map(|hostname| hostname.as_str()),
        }
    }
}

impl<'plan> NixosView<'plan> {
    fn of(node: &'plan NodePlan) -> Self {
        Self { name: node.name.as_str(), host: node.ssh_host() }
    }
}

/// The init node's first: the others wait for its API.
fn deliveries(plan: &Plan) -> Vec<String> {
    let init = plan.init_node();
    let others = plan.nodes.iter().filter(|node| node.id != init.id);
    let nodes = std::iter::once(init).chain(others);
    nodes.map(|node: &NodePlan| plan.first_delivery_command(node)).collect()
}
