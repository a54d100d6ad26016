//! `node.env`: what the script on the hosts knows of its node.

use serde::Serialize;

use crate::artifact::ArtifactSet;
use crate::format::template;
use crate::plan::packages::Packages;
use crate::render::{GENERATED, NodeRenderer, NodeView, Output};

/// The registration.
pub const RENDERER: NodeRenderer = NodeRenderer {
    id: "node_env",
    outputs: &[Output {
        path: "nodes/<node>/node.env",
        consumer: "meshwright-node, as /etc/meshwright/node.env",
    }],
    render,
};

#[derive(Serialize)]
struct View<'plan> {
    generated: &'static str,
    cluster: &'plan str,
    name: &'plan str,
    interface: &'plan str,
    os: String,
    arch: String,
    /// Absent on NixOS, where nothing is prepared.
    packages: Option<Packages>,
    distribution_packages: String,
    delivery: String,
}

fn render(view: &NodeView<'_>, artifacts: &mut ArtifactSet) {
    let NodeView { plan, node, .. } = view;
    let env = View {
        generated: GENERATED,
        cluster: plan.name.as_str(),
        name: node.name.as_str(),
        interface: plan.wireguard.interface.as_str(),
        os: node.os.to_string(),
        arch: node.arch.to_string(),
        packages: plan.apt(node),
        distribution_packages: plan.distribution_packages().join(" "),
        delivery: plan.delivery_command(node),
    };
    artifacts.add(view.path("node.env"), template::render("node.env", &env));
}
