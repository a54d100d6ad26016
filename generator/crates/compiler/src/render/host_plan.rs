//! `node.json`: the HostPlan as data, for NixOS modules (`lib.importJSON`).

use std::borrow::Cow;

use serde_json::value::RawValue;

use crate::artifact::ArtifactSet;
use crate::encode::json;
use crate::plan::Plan;
use crate::plan::mesh::{Peer, PeerIdentity};
use crate::render::{NodeRenderer, NodeView, Output};

/// The registration.
pub(super) const RENDERER: NodeRenderer = NodeRenderer {
    id: "host_plan",
    outputs: &[Output { path: "nodes/<node>/node.json", consumer: "NixOS modules" }],
    render,
};

fn render(view: &NodeView<'_>, artifacts: &mut ArtifactSet) {
    let peers = view.peers.iter().map(|peer| match peer.identity {
        PeerIdentity::Node(node) if peer.is_common() => {
            Cow::Borrowed(&*view.shared(node).host_peer)
        }
        _ => Cow::Owned(host_peer(view.plan, peer)),
    });
    let host = view.plan.host(view.node, peers.collect());
    artifacts.add(view.path("node.json"), json::file(&host));
}

/// The nesting depth of a peer in the file.
const DEPTH: usize = 3;

/// One peer as JSON.
pub(super) fn host_peer(plan: &Plan, peer: &Peer<'_>) -> Box<RawValue> {
    json::fragment(&plan.host_peer(peer), DEPTH)
}
