//! What the other machines lose when one thing fails: a machine, the local network of a site, or its connection to the
//! Internet.
//!
//! A machine that fails is off: its peers keep its address and its pods' addresses in their files, and send into a
//! tunnel that does not answer. Where its pods start again, and which of a Service's pods were its own, is not in the
//! files, so flows to its own pods are not counted.

mod api;
mod names;
mod without;

use rayon::prelude::*;

pub use self::api::ApiEffect;
pub use self::names::NameEffect;
use crate::flows::FlowTarget;
use crate::ingress::request::IngressRequest;
use crate::matrix::{self, FlowMatrix, LostFlows, flows_of};
use crate::model::{MachineId, Model};

/// What fails.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// A node is off, or a client that forwards to networks.
    Machine(MachineId),
    /// The machines of a site no longer reach each other in its local network. Their ways to the Internet work.
    SiteNetwork(String),
    /// The machines of a site without a public endpoint no longer reach the Internet. Its local network works.
    Uplink(String),
}

/// What one failure changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailureEffect {
    /// What fails.
    pub failure: Failure,
    /// The flows that hold now and are then lost, without those from and to a machine that is off.
    pub lost: Vec<LostFlows>,
    /// The networks to which only the machine forwards that is off.
    pub networks: Vec<LostNetwork>,
    /// The effect on the API; none if all of it works.
    pub api: Option<ApiEffect>,
    /// Whether no other node starts the pods of the node that is off: all others have taints.
    pub strands_pods: bool,
    /// The public names that can fail.
    pub names: Vec<NameEffect>,
}

/// A network that other machines no longer reach.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LostNetwork {
    /// Its name and address range.
    pub network: String,
    /// The machines that reach it now, themselves or from their pods.
    pub machines: Vec<String>,
}

impl FailureEffect {
    /// Whether the other machines lose nothing, as far as the files show.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        let Self { failure: _, lost, networks, api, strands_pods, names } = self;
        lost.is_empty() && networks.is_empty() && api.is_none() && !strands_pods && names.is_empty()
    }

    /// The ordered pairs of nodes that lose flows.
    pub fn node_pairs<'a>(&'a self, model: &'a Model) -> impl Iterator<Item = &'a LostFlows> {
        let is_node = |name: &str| model.find(name).is_some_and(|id| !model.is_client(id));
        self.lost.iter().filter(move |pair| is_node(&pair.from) && is_node(&pair.to))
    }
}

/// The effects of each single failure: first those of the machines, then those of the sites. `requests` are those of
/// the tree's proof.
#[must_use]
pub fn effects(model: &Model, requests: &[IngressRequest]) -> Vec<FailureEffect> {
    let before = FlowMatrix::of(model);
    let forwards = |id: &MachineId| model.networks_behind(*id).next().is_some();
    let machines = model.nodes().chain(model.clients().filter(forwards)).map(Failure::Machine);
    let sites = shared_by_nodes(model, |_| true).into_iter().map(Failure::SiteNetwork);
    let uplinks = shared_by_nodes(model, |id| model.is_behind_nat(id));
    let failures: Vec<_> =
        machines.chain(sites).chain(uplinks.into_iter().map(Failure::Uplink)).collect();
    let effects = failures.into_par_iter().map(|failure| effect(model, requests, &before, failure));
    effects.collect()
}

fn effect(
    model: &Model,
    requests: &[IngressRequest],
    before: &FlowMatrix,
    failure: Failure,
) -> FailureEffect {
    let off = match failure {
        Failure::Machine(off) => Some(off),
        Failure::SiteNetwork(_) | Failure::Uplink(_) => None,
    };
    // Nothing that others send to each other passes most machines: nothing is to be walked again.
    let walked = off
        .is_none_or(|off| model.carries_for_others(off))
        .then(|| FlowMatrix::of(&model.without(&failure)));
    let mut lost = walked.as_ref().map_or_else(Vec::new, |after| after.lost_since(before));
    let after = walked.as_ref().unwrap_or(before);
    matrix::attribute_node_ports(&mut lost);
    lost.retain(|pair| pair.flows != 0);
    let networks = off.map_or_else(Vec::new, |off| lost_networks(model, before, off));
    if let Some(off) = off {
        let name = &model.machine(off).name;
        lost.retain(|pair| pair.from != *name && pair.to != *name);
    }
    let api = api::effect(model, [before, after], off);
    let strands_pods = off.is_some_and(|off| names::strands_pods(model, off));
    let names = names::effects(model, requests, off, &lost, strands_pods);
    FailureEffect { failure, lost, networks, api, strands_pods, names }
}

/// The networks behind a machine, each with the other machines that reach it through that machine.
fn lost_networks(model: &Model, before: &FlowMatrix, off: MachineId) -> Vec<LostNetwork> {
    let reaches = |from: MachineId| {
        let flows = before.pair(&model.machine(from).name, &model.machine(off).name).arriving;
        flows_of(flows).any(|flow| matches!(flow.target, FlowTarget::Network(..)))
    };
    let networks = model.networks_behind(off).map(|network| {
        let others = model.ids().filter(|id| *id != off && !model.is_beside(*id, network));
        LostNetwork {
            network: format!("{} ({})", network.name, network.net),
            machines: others
                .filter(|id| reaches(*id))
                .map(|id| model.machine(id).name.clone())
                .collect(),
        }
    });
    networks.filter(|network| !network.machines.is_empty()).collect()
}

/// The sites with at least two nodes of a kind, sorted.
fn shared_by_nodes(model: &Model, is_meant: impl Fn(MachineId) -> bool) -> Vec<String> {
    let nodes = model.nodes().filter(|id| is_meant(*id));
    let mut sites: Vec<_> = nodes.filter_map(|id| model.site(id)).collect();
    sites.sort_unstable();
    let shared = sites.chunk_by(|one, next| one == next).filter(|nodes| nodes.len() > 1);
    shared.map(|nodes| nodes[0].to_owned()).collect()
}
