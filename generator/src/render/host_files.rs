//! `host/`: the script and the units that every Debian or Ubuntu node has, the same bytes on each.
//! What differs per node is `node.env`, which [`crate::render::node_env`] renders.

use serde::Serialize;

use crate::artifact::ArtifactSet;
use crate::format::template;
use crate::plan::Plan;
use crate::plan::host::POD_ROUTE;
use crate::render::{ClusterRenderer, GENERATED, Output};

/// The registration.
pub const RENDERER: ClusterRenderer = ClusterRenderer {
    id: "host_files",
    outputs: &[
        Output {
            path: "host/meshwright-node",
            consumer: "bash, as /usr/local/sbin/meshwright-node",
        },
        Output { path: "host/guards.routes", consumer: "ip -batch, by meshwright-guards.service" },
        Output { path: "host/systemd/meshwright-firewall.service", consumer: "systemd" },
        Output { path: "host/systemd/meshwright-guards.service", consumer: "systemd" },
        Output { path: "host/systemd/meshwright-resolve.service", consumer: "systemd" },
        Output { path: "host/systemd/meshwright-resolve.timer", consumer: "systemd" },
        Output { path: "host/systemd/wg-quick@wg0.service.d/meshwright.conf", consumer: "systemd" },
    ],
    render,
};

/// Files that go by the name of their template, with the folder that holds them.
const NAMED_AS_TEMPLATE: [(&str, &str); 6] = [
    ("host", "guards.routes"),
    ("host", "meshwright-node"),
    ("host/systemd", "meshwright-firewall.service"),
    ("host/systemd", "meshwright-guards.service"),
    ("host/systemd", "meshwright-resolve.service"),
    ("host/systemd", "meshwright-resolve.timer"),
];

#[derive(Serialize)]
struct View<'plan> {
    generated: &'static str,
    interface: &'plan str,
    pod_route: String,
    protocol: &'static str,
    metric: u32,
    subnets: Vec<String>,
}

fn render(plan: &Plan, artifacts: &mut ArtifactSet) {
    let guards = plan.route_guards();
    let view = View {
        generated: GENERATED,
        interface: plan.wireguard.interface.as_str(),
        pod_route: format!("proto {} metric {}", POD_ROUTE.protocol, POD_ROUTE.metric),
        protocol: guards.kind.protocol,
        metric: guards.kind.metric,
        subnets: guards.subnets.iter().map(ToString::to_string).collect(),
    };
    for (folder, name) in NAMED_AS_TEMPLATE {
        artifacts.add(format!("{folder}/{name}"), template::render(name, &view));
    }
    let drop_in = format!("host/systemd/wg-quick@{}.service.d/meshwright.conf", view.interface);
    artifacts.add(drop_in, template::render("wg-quick-drop-in.conf", &view));
}
