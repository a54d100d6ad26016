//! `node.json`: the HostPlan as data, for NixOS modules (`lib.importJSON`).

use crate::artifact::ArtifactSet;
use crate::format::json;
use crate::render::{NodeRenderer, NodeView, Output};

/// The registration.
pub const RENDERER: NodeRenderer = NodeRenderer {
    id: "host_plan",
    outputs: &[Output { path: "nodes/<node>/node.json", consumer: "NixOS modules" }],
    render,
};

fn render(view: &NodeView<'_>, artifacts: &mut ArtifactSet) {
    artifacts.add(view.path("node.json"), json::file(&view.plan.host(view.node, view.peers)));
}
