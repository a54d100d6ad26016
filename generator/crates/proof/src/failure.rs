//! What the other machines lose when one node, or the local network of one site, fails.
//!
//! The node is off: its peers keep its address and its pods' addresses in their files, and send into a tunnel
//! that does not answer. Where its pods start again, and which of a Service's pods were its own, is not in the
//! files, so flows to its own pods are not counted.

use rayon::prelude::*;

use crate::finding::{FindingCode, ProofFinding};
use crate::matrix::{self, FlowMatrix, LostFlows};
use crate::model::link::{Link, LinkTunnel};
use crate::model::{MachineId, Model};

/// What fails.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// A node is off.
    Node(MachineId),
    /// The machines of a site no longer reach each other in its local network. Their ways to the Internet work.
    SiteNetwork(String),
}

/// What one failure changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailureEffect {
    /// What fails.
    pub failure: Failure,
    /// The flows that hold now and are then lost, without those from and to a node that is off.
    pub lost: Vec<LostFlows>,
    /// The effect on the control plane; none for a worker and for a network.
    pub control_plane: Option<ControlPlaneEffect>,
}

/// The control plane after one of its nodes is off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ControlPlaneEffect {
    /// How many control planes there are.
    pub all: usize,
    /// How many of them are left.
    pub left: usize,
    /// How many members of etcd must run: more than half of all (etcd 3.7, "Frequently Asked Questions", "What is
    /// failure tolerance?").
    pub quorum: usize,
    /// Whether clients call the API at this node: the server of their kubeconfig is the init node.
    pub is_called_by_clients: bool,
}

impl ControlPlaneEffect {
    /// Whether the API still answers.
    #[must_use]
    pub const fn has_quorum(self) -> bool {
        self.left >= self.quorum
    }
}

/// The effects of each single failure: first those of the nodes, then those of the sites' local networks.
#[must_use]
pub fn effects(model: &Model) -> Vec<FailureEffect> {
    let before = FlowMatrix::of(model);
    let nodes = model.nodes().map(Failure::Node);
    let sites = sites(model).into_iter().map(Failure::SiteNetwork);
    let failures: Vec<_> = nodes.chain(sites).collect();
    failures.into_par_iter().map(|failure| effect(model, &before, failure)).collect()
}

fn effect(model: &Model, before: &FlowMatrix, failure: Failure) -> FailureEffect {
    let after = FlowMatrix::of(&model.without(&failure));
    let mut lost = after.lost_since(before);
    matrix::attribute_node_ports(&mut lost);
    lost.retain(|pair| pair.flows != 0);
    let mut control_plane = None;
    if let Failure::Node(off) = failure {
        let name = &model.machine(off).name;
        lost.retain(|pair| pair.from != *name && pair.to != *name);
        control_plane = control_plane_without(model, off);
    }
    FailureEffect { failure, lost, control_plane }
}

fn control_plane_without(model: &Model, off: MachineId) -> Option<ControlPlaneEffect> {
    let controls =
        |id: &MachineId| model.machine(*id).node.as_ref().is_some_and(|node| node.control_plane);
    let all = model.nodes().filter(controls).count();
    let is_init = model.files(off).is_some_and(|files| files.kubeadm.content.cluster.is_some());
    controls(&off).then_some(ControlPlaneEffect {
        all,
        left: all - 1,
        quorum: all / 2 + 1,
        is_called_by_clients: is_init && model.clients().next().is_some(),
    })
}

/// The sites of at least two nodes, sorted.
fn sites(model: &Model) -> Vec<String> {
    let mut sites: Vec<_> = model.nodes().filter_map(|id| model.site(id)).collect();
    sites.sort_unstable();
    let shared = sites.chunk_by(|one, next| one == next).filter(|nodes| nodes.len() > 1);
    shared.map(|nodes| nodes[0].to_owned()).collect()
}

impl Model {
    /// The network while something of it fails.
    fn without(&self, failure: &Failure) -> Self {
        let mut model = self.clone();
        if let Failure::Node(off) = failure {
            model.off = Some(*off);
        }
        for id in self.ids() {
            let links = &mut model.machines[id.index()].links;
            for (peer, link) in links.iter_mut().enumerate() {
                let Link::Up(tunnel) = *link else { continue };
                let ends = [(id, peer), (tunnel.to, tunnel.back)];
                let message = match failure {
                    Failure::Node(off) if ends.iter().any(|(end, _)| end == off) => {
                        format!("{} is off", self.machine(*off).name)
                    }
                    Failure::SiteNetwork(site) if self.site_between(ends) == Some(site) => {
                        format!("the local network of {site} is down")
                    }
                    Failure::Node(_) | Failure::SiteNetwork(_) => continue,
                };
                let LinkTunnel { endpoint, .. } = tunnel;
                let finding = ProofFinding::new(FindingCode::PeerUnreachable, endpoint, message);
                *link = Link::Down(Box::new(finding));
            }
        }
        model
    }
}
