//! The report of single failures, for people and for programs.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use serde::Serialize;

use crate::failure::{ControlPlaneEffect, Failure, FailureEffect};
use crate::matrix::{LostFlows, flows_of};
use crate::model::Model;
use meshwright_value::count;

/// How many pairs one line names.
const PAIRS: usize = 6;

/// Some lines for each failure.
#[must_use]
pub fn table(model: &Model, effects: &[FailureEffect]) -> String {
    let mut text = "\nIf one of these fails, the other machines lose:\n".to_owned();
    for effect in effects {
        let name = name(model, &effect.failure);
        let _ = writeln!(text, "  {name:20} {}", lost(model, effect));
        if let Some(api) = effect.control_plane.map(control_plane) {
            let _ = writeln!(text, "  {:20} {api}", "");
        }
    }
    text.push_str(
        "  Not counted: flows from and to the failed machine and its own pods. Kubernetes starts them on another node\n  \
         after about five minutes, if the API answers.\n",
    );
    text
}

/// The name of what fails.
#[must_use]
pub fn name(model: &Model, failure: &Failure) -> String {
    match failure {
        Failure::Node(id) => model.machine(*id).name.clone(),
        Failure::SiteNetwork(site) => format!("the LAN of {site}"),
    }
}

/// The effect on the control plane.
#[must_use]
pub fn control_plane(effect: ControlPlaneEffect) -> String {
    let ControlPlaneEffect { all, left, quorum, is_called_by_clients } = effect;
    let running = format!("{left} of {} run, etcd needs {quorum}", count(all, "control plane"));
    match (effect.has_quorum(), is_called_by_clients) {
        (false, _) => format!(
            "no API: {running}; pods and Services run on, and nothing is started, moved or changed"
        ),
        (true, true) => format!(
            "the API answers: {running}; the kubeconfig of clients calls this node: use kubectl --server"
        ),
        (true, false) => format!("the API answers: {running}"),
    }
}

/// The flows that are lost, or `nothing`.
#[must_use]
pub fn lost(model: &Model, effect: &FailureEffect) -> String {
    if effect.lost.is_empty() {
        return "nothing".to_owned();
    }
    let flows: usize = effect.lost.iter().map(|pair| pair.flows.count_ones() as usize).sum();
    let mut arrows = arrows(model, effect);
    let more = match arrows.len().saturating_sub(PAIRS) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    arrows.truncate(PAIRS);
    format!("{}: {}{more}", count(flows, "flow"), arrows.join(", "))
}

/// The pairs: both directions in one, and one for a machine that loses flows to all other nodes.
fn arrows(model: &Model, effect: &FailureEffect) -> Vec<String> {
    let off = match effect.failure {
        Failure::Node(off) => Some(off),
        Failure::SiteNetwork(_) => None,
    };
    let nodes = model.nodes().filter(|id| Some(*id) != off);
    let names: Vec<_> = nodes.map(|id| model.machine(id).name.as_str()).collect();
    let lost: BTreeSet<_> =
        effect.lost.iter().map(|pair| (pair.from.as_str(), pair.to.as_str())).collect();
    let is_lost = |from: &str, to: &str| lost.contains(&(from, to));
    let loses_all =
        |from: &str| names.iter().filter(|name| **name != from).all(|to| is_lost(from, to));
    let mut arrows = Vec::new();
    for LostFlows { from, to, .. } in &effect.lost {
        let arrow = match (loses_all(from), is_lost(to, from)) {
            (true, _) => format!("{from} → all other nodes"),
            (false, true) if to < from && !loses_all(to) => continue,
            (false, true) if !loses_all(to) => format!("{from} ↔ {to}"),
            (false, _) => format!("{from} → {to}"),
        };
        if arrows.last() != Some(&arrow) {
            arrows.push(arrow);
        }
    }
    arrows
}

/// One failure in the JSON of a proof.
#[derive(Debug, Serialize)]
pub(super) struct FailureDocument<'a> {
    node: Option<&'a str>,
    site_network: Option<&'a str>,
    api_answers: bool,
    lost: Vec<LostFlowDocument<'a>>,
}

#[derive(Debug, Serialize)]
struct LostFlowDocument<'a> {
    from: &'a str,
    to: &'a str,
    flows: Vec<&'static str>,
}

/// The failures, as the JSON of a proof has them.
pub(super) fn documents<'a>(
    model: &'a Model,
    effects: &'a [FailureEffect],
) -> Vec<FailureDocument<'a>> {
    let document = |effect: &'a FailureEffect| {
        let (node, site_network) = match &effect.failure {
            Failure::Node(id) => (Some(model.machine(*id).name.as_str()), None),
            Failure::SiteNetwork(site) => (None, Some(site.as_str())),
        };
        let lost = effect.lost.iter().map(|pair| LostFlowDocument {
            from: &pair.from,
            to: &pair.to,
            flows: flows_of(pair.flows).map(|flow| flow.name).collect(),
        });
        let api_answers = effect.control_plane.is_none_or(ControlPlaneEffect::has_quorum);
        FailureDocument { node, site_network, api_answers, lost: lost.collect() }
    };
    effects.iter().map(document).collect()
}
