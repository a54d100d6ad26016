//! Rendering: the plan becomes files. Renderers only copy values; the plan computes them.
//!
//! To add an artifact: a file here, its `mod` line and its place in [`CLUSTER`] or [`NODE`].

mod access;
mod api_server;
mod apply;
mod calico;
pub mod client;
mod cloudflared;
mod coredns;
pub mod fixed;
mod hello;
mod host_files;
mod host_plan;
pub mod host_tree;
mod index;
mod ingress;
mod ingress_nginx;
mod kube_proxy;
mod kubeadm;
mod nftables;
mod node_env;
mod objects;
mod overlays;
mod traefik;
mod user_data;
mod user_values;
mod versions;
pub mod wg_quick;

use serde_json::value::RawValue;

use crate::artifact::{ArtifactSet, FileMode, Tree};
use crate::check::Checked;
use crate::plan::mesh::Peer;
use crate::plan::{NodePlan, Plan};
use crate::render::host_tree::HostFile;

/// One kind of file that a renderer emits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Output {
    /// Its path below the output directory; `<node>` and `<client>` are placeholders for their names.
    pub path: &'static str,
    /// Its reader, in a few words.
    pub consumer: &'static str,
}

/// Renders files that the cluster has once.
pub struct ClusterRenderer {
    /// Its file in this folder.
    pub id: &'static str,
    /// The files that it can emit; a cluster may lack some.
    pub outputs: &'static [Output],
    /// Adds its files.
    pub render: fn(&Plan, &mut ArtifactSet),
}

/// Renders the files of each node.
pub struct NodeRenderer {
    /// Its file in this folder.
    pub id: &'static str,
    /// The files that it can emit; a node may lack some.
    pub outputs: &'static [Output],
    /// Adds its files.
    pub render: fn(&NodeView<'_>, &mut ArtifactSet),
}

/// The input of a node's renderers.
pub struct NodeView<'plan> {
    /// The whole plan.
    pub plan: &'plan Plan,
    /// The texts about each node in the files of the other nodes, rendered once.
    pub shared: &'plan [SharedNode],
    /// The files that every host has, rendered once.
    pub host: &'plan ArtifactSet,
    /// The node.
    pub node: &'plan NodePlan,
    /// Its peers, derived once for all of its renderers.
    pub peers: &'plan [Peer<'plan>],
}

impl NodeView<'_> {
    /// The path of one of this node's files.
    #[must_use]
    pub fn path(&self, file: &str) -> String {
        format!("nodes/{}/{file}", self.node.name)
    }

    /// The texts about one of the plan's nodes in the files of the other nodes.
    #[must_use]
    pub fn shared(&self, node: &NodePlan) -> &SharedNode {
        let position = self.plan.nodes.binary_search_by_key(&node.id, |node| node.id);
        &self.shared[position.unwrap_or_else(|_| unreachable!("{} is in the plan", node.name))]
    }
}

/// The texts about one node in the files of the other nodes. In a mesh of 1000 nodes they are written
/// 999 times, and rendered once.
pub struct SharedNode {
    /// Its `[Peer]` section, as most other nodes have it.
    pub peer_section: String,
    /// Its line in the list of peers for scripts, as most other nodes have it.
    pub peer_line: String,
    /// The line of the route to its pods.
    pub pod_route: String,
    /// Its entry in `node.json`, as most other nodes have it.
    pub host_peer: Box<RawValue>,
}

impl SharedNode {
    fn of(plan: &Plan, node: &NodePlan) -> Self {
        let peer = Peer::common(node);
        Self {
            peer_section: wg_quick::node_section(plan, &peer),
            peer_line: wg_quick::peer_line(plan, &peer),
            pod_route: wg_quick::route(plan, node.pod_subnet),
            host_peer: host_plan::host_peer(plan, &peer),
        }
    }
}

/// The renderers of files that the cluster has once; the last one lists the files of the others.
pub const CLUSTER: &[ClusterRenderer] = &[
    access::RENDERER,
    apply::RENDERER,
    calico::RENDERER,
    client::RENDERER,
    cloudflared::RENDERER,
    coredns::RENDERER,
    hello::RENDERER,
    host_files::RENDERER,
    ingress_nginx::RENDERER,
    kube_proxy::RENDERER,
    overlays::RENDERER,
    traefik::RENDERER,
    user_values::RENDERER,
    versions::RENDERER,
    index::RENDERER,
];

/// The renderers of each node's files; the last one embeds the files of the others.
pub const NODE: &[NodeRenderer] = &[
    api_server::RENDERER,
    host_plan::RENDERER,
    kubeadm::RENDERER,
    nftables::RENDERER,
    node_env::RENDERER,
    wg_quick::RENDERER,
    user_data::RENDERER,
];

/// The whole tree of a plan: part 0 is the cluster's, each further part is a node's.
pub struct Rendering<'plan> {
    plan: &'plan Plan,
    shared: Vec<SharedNode>,
    host: ArtifactSet,
}

impl<'plan> Rendering<'plan> {
    /// Renders the texts that all nodes share.
    #[must_use]
    pub fn new(plan: &'plan Checked<Plan>) -> Self {
        let mut host = ArtifactSet::default();
        host_files::render(plan, &mut host);
        let shared = plan.nodes.iter().map(|node| SharedNode::of(plan, node)).collect();
        Self { plan, shared, host }
    }

    /// The plan.
    pub fn plan(&self) -> &'plan Plan {
        self.plan
    }

    /// The files that the cluster has once.
    pub fn cluster(&self) -> ArtifactSet {
        let mut artifacts = ArtifactSet::default();
        for renderer in CLUSTER {
            (renderer.render)(self.plan, &mut artifacts);
        }
        artifacts
    }

    /// The files of a node.
    pub fn node(&self, node: &NodePlan) -> ArtifactSet {
        self.with_node(node, NODE, |_, artifacts| artifacts)
    }

    /// Every file of a node's host without a secret, by its path.
    pub fn host_files(&self, node: &NodePlan) -> Vec<(String, FileMode, Vec<u8>)> {
        self.with_node(node, NODE, |view, artifacts| {
            let files = host_tree::files(view, &artifacts).into_iter();
            files.map(|HostFile { path, mode, content }| (path, mode, content.to_vec())).collect()
        })
    }

    /// The user-data of a node; a NixOS host has none.
    pub(crate) fn user_data(&self, node: &NodePlan) -> Option<Vec<u8>> {
        let others = NODE.iter().filter(|renderer| renderer.id != user_data::RENDERER.id);
        self.with_node(node, others, |view, artifacts| user_data::user_data(view, &artifacts))
    }

    fn with_node<R>(
        &self,
        node: &NodePlan,
        renderers: impl IntoIterator<Item = &'static NodeRenderer>,
        then: impl FnOnce(&NodeView<'_>, ArtifactSet) -> R,
    ) -> R {
        let peers = self.plan.peers(node);
        let Self { plan, shared, host } = self;
        let view = NodeView { plan, shared, host, node, peers: &peers };
        let mut artifacts = ArtifactSet::default();
        for renderer in renderers {
            (renderer.render)(&view, &mut artifacts);
        }
        then(&view, artifacts)
    }
}

impl Tree for Rendering<'_> {
    fn parts(&self) -> usize {
        1 + self.plan.nodes.len()
    }

    fn render(&self, part: usize) -> ArtifactSet {
        match part.checked_sub(1) {
            None => self.cluster(),
            Some(node) => self.node(&self.plan.nodes[node]),
        }
    }
}
