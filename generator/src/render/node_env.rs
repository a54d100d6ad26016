//! `node.env`: what the script on the hosts knows of its node.

use serde::Serialize;

use crate::artifact::ArtifactSet;
use crate::format::template;
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
}

fn render(view: &NodeView<'_>, artifacts: &mut ArtifactSet) {
    let env = View {
        generated: GENERATED,
        cluster: view.plan.name.as_str(),
        name: view.node.name.as_str(),
        interface: view.plan.wireguard.interface.as_str(),
    };
    artifacts.add(view.path("node.env"), template::render("node.env", &env));
}
