//! The report of single failures, for people and for programs.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use serde::Serialize;

use crate::failure::{ApiEffect, Failure, FailureEffect, NameEffect};
use crate::flows::{Flow, FlowTarget};
use crate::matrix::{LostFlows, flows_of};
use crate::model::{MachineId, Model};
use meshwright_value::count;

/// How many pairs, machines or names one line has.
const LISTED: usize = 6;

/// A row for each failure, then what is lost.
#[must_use]
pub fn table(model: &Model, effects: &[FailureEffect]) -> String {
    let (harmless, effective): (Vec<_>, Vec<_>) =
        effects.iter().partition(|effect| effect.is_nothing());
    let mut text = "\nIf one of these fails, the other machines lose:\n".to_owned();
    let mut rows = vec![HEADS.map(str::to_owned)];
    rows.extend(effective.iter().map(|effect| row(model, effect)));
    let width = |column: usize| rows.iter().map(|row| row[column].len()).max().unwrap_or_default();
    let widths: Vec<_> = (0..HEADS.len()).map(width).collect();
    for row in rows.iter().filter(|_| !effective.is_empty()) {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
        let _ = writeln!(text, "  {}", cells.collect::<Vec<_>>().join("  ").trim_end());
    }
    let names: Vec<_> = harmless.iter().map(|effect| name(model, &effect.failure)).collect();
    if !names.is_empty() {
        let _ = writeln!(text, "  nothing if it is {}", some_of(&names, "or"));
    }
    for effect in effective {
        let _ = writeln!(text, "  {}", name(model, &effect.failure));
        for loss in losses(model, effect) {
            let _ = writeln!(text, "    {loss}");
        }
    }
    if let Some(sentence) = relayed_pairs(model, effects) {
        let _ = writeln!(text, "  {sentence}");
    }
    text.push_str(NOT_COUNTED);
    text
}

const HEADS: [&str; 6] = ["", "pairs of nodes", "clients", "networks", "names", "API"];

const NOT_COUNTED: &str = "  \
  Not counted: flows from and to a machine that is off, and those of its own pods. Kubernetes starts these pods on
  another node after about five minutes, if the API answers. No file shows where pods run: replicas only prefer
  different nodes.
";

/// The cells of one failure.
fn row(model: &Model, effect: &FailureEffect) -> [String; 6] {
    let some = |lost: usize| if lost == 0 { "-".to_owned() } else { lost.to_string() };
    let of = |lost: usize, all: usize| match lost {
        0 => "-".to_owned(),
        _ => format!("{lost} of {all}"),
    };
    let is_client = |name: &&str| model.find(name).is_some_and(|id| model.is_client(id));
    let losing: BTreeSet<_> = effect.lost.iter().map(|pair| pair.from.as_str()).collect();
    let api = match &effect.api {
        None => "-".to_owned(),
        Some(api) if !api.has_quorum() => "lost".to_owned(),
        Some(api) if !api.cut_off.is_empty() => format!("lost by {}", api.cut_off.len()),
        Some(api) => format!("{} of {} run", api.left, api.all),
    };
    [
        name(model, &effect.failure),
        of(effect.node_pairs(model).count(), ordered_pairs(model)),
        of(losing.iter().filter(|name| is_client(name)).count(), model.clients().count()),
        some(effect.networks.len()),
        some(effect.names.len()),
        api,
    ]
}

/// The pairs of nodes that one machine separates, in one sentence.
fn relayed_pairs(model: &Model, effects: &[FailureEffect]) -> Option<String> {
    let machines = effects.iter().filter(|effect| matches!(effect.failure, Failure::Machine(_)));
    let pairs = machines.flat_map(|effect| effect.node_pairs(model));
    let pairs: BTreeSet<_> = pairs.map(|pair| (&pair.from, &pair.to)).collect();
    let (relayed, all) = (pairs.len(), ordered_pairs(model));
    (relayed > 0).then(|| {
        format!("{relayed} of {all} ordered pairs of nodes have one relay, and no way without it.")
    })
}

/// How many ordered pairs of different nodes there are.
fn ordered_pairs(model: &Model) -> usize {
    let nodes = model.nodes().count();
    nodes * nodes.saturating_sub(1)
}

/// The name of what fails.
#[must_use]
pub fn name(model: &Model, failure: &Failure) -> String {
    match failure {
        Failure::Machine(id) => model.machine(*id).name.clone(),
        Failure::SiteNetwork(site) => format!("the LAN of {site}"),
        Failure::Uplink(site) => format!("the uplink of {site}"),
    }
}

/// What is lost with one failure, and why: some lines, or none.
#[must_use]
pub fn losses(model: &Model, effect: &FailureEffect) -> Vec<String> {
    let mut lines = lost_flows(model, effect);
    lines.extend(effect.networks.iter().map(|network| {
        format!("forwards to {}: {} lose it", network.network, some_of(&network.machines, "and"))
    }));
    lines.extend(effect.api.iter().flat_map(api));
    if effect.strands_pods {
        lines.push(
            "takes all pods: no other node takes pods without a toleration of its taints"
                .to_owned(),
        );
    }
    let answers = effect.api.as_ref().is_none_or(ApiEffect::has_quorum);
    let returns = answers && !effect.strands_pods;
    lines.extend(public_names(&effect.names, returns));
    lines
}

/// The effect on the API.
fn api(effect: &ApiEffect) -> Vec<String> {
    let ApiEffect { all, left, quorum, cut_off, misdirected } = effect;
    let running = format!("{left} of {} work, etcd needs {quorum}", count(*all, "control plane"));
    if !effect.has_quorum() {
        return vec![format!(
            "no API: {running}; pods and Services run on, and nothing is started, moved or changed"
        )];
    }
    let mut lines = Vec::new();
    if left < all {
        lines.push(format!("the API answers: {running}"));
    }
    if !cut_off.is_empty() {
        lines.push(format!(
            "no API for {}: their pods run on, and Kubernetes starts others in their place",
            some_of(cut_off, "and")
        ));
    }
    if !misdirected.is_empty() {
        lines.push(format!(
            "the kubeconfig of {} calls the API server of the init node: use kubectl --server",
            some_of(misdirected, "and")
        ));
    }
    lines
}

/// The names that can fail, those with the same reason in one line. `returns` is whether Kubernetes starts the pods
/// again while the failure lasts.
fn public_names(names: &[NameEffect], returns: bool) -> Vec<String> {
    let until = if returns { "until Kubernetes starts them again" } else { "until it is back" };
    let mut groups: Vec<(String, Vec<String>)> = Vec::new();
    let mut add = |reason: String, hostname: &String| match groups
        .iter_mut()
        .find(|(known, _)| *known == reason)
    {
        Some((_, hostnames)) => hostnames.push(hostname.clone()),
        None => groups.push((reason, vec![hostname.clone()])),
    };
    for NameEffect { hostname, gone, is_between_lost_pairs } in names {
        if !gone.is_empty() {
            let programs = some_of(gone, "or");
            add(format!("if all pods of {programs} run there, {until}"), hostname);
        }
        if *is_between_lost_pairs {
            add("requests that pass pods on both nodes of a pair above".to_owned(), hostname);
        }
    }
    let lines = groups.into_iter();
    lines.map(|(reason, names)| format!("{}: {reason}", some_of(&names, "and"))).collect()
}

/// The flows that are lost, grouped by what they reach.
fn lost_flows(model: &Model, effect: &FailureEffect) -> Vec<String> {
    let relays = match &effect.failure {
        Failure::Machine(_) => "relays",
        Failure::SiteNetwork(_) | Failure::Uplink(_) => "connects",
    };
    let mut groups: Vec<(Vec<&'static str>, Vec<&LostFlows>)> = Vec::new();
    for pair in &effect.lost {
        let reached = reached(pair.flows);
        match groups.iter_mut().find(|(known, _)| *known == reached) {
            Some((_, pairs)) => pairs.push(pair),
            None => groups.push((reached, vec![pair])),
        }
    }
    let lines = groups.into_iter().map(|(reached, pairs)| {
        let flows: usize = pairs.iter().map(|pair| pair.flows.count_ones() as usize).sum();
        let arrows = some_of(&arrows(model, &effect.failure, &pairs), "and");
        format!("{relays} {arrows}: {} ({})", reached.join(", "), count(flows, "flow"))
    });
    lines.collect()
}

/// What flows reach, in words.
fn reached(flows: u64) -> Vec<&'static str> {
    let word = |flow: &Flow| match flow.target {
        FlowTarget::Host(_) | FlowTarget::HostOfNodes(_) | FlowTarget::Ssh => "hosts",
        FlowTarget::Pod(_) | FlowTarget::PodWithoutBgp(_) => "pods",
        FlowTarget::Service(_) | FlowTarget::ServiceOfHost(_) => "Services",
        FlowTarget::NodePort => "NodePorts",
        FlowTarget::Network(..) => "networks",
        FlowTarget::Internet(_)
        | FlowTarget::InternetAndResolver(_)
        | FlowTarget::HostServices(_) => "the Internet",
    };
    let mut words = Vec::new();
    for word in flows_of(flows).map(word) {
        if !words.contains(&word) {
            words.push(word);
        }
    }
    words
}

/// The pairs: both directions in one, and one for a machine that loses flows to all other nodes.
fn arrows(model: &Model, failure: &Failure, pairs: &[&LostFlows]) -> Vec<String> {
    let is_off = |id: MachineId| *failure == Failure::Machine(id);
    let nodes = model.nodes().filter(|id| !is_off(*id));
    let names: Vec<_> = nodes.map(|id| model.machine(id).name.as_str()).collect();
    let lost: BTreeSet<_> =
        pairs.iter().map(|pair| (pair.from.as_str(), pair.to.as_str())).collect();
    let is_lost = |from: &str, to: &str| lost.contains(&(from, to));
    let loses_all = |from: &str| {
        let mut others = names.iter().filter(|name| **name != from);
        names.len() > 2 && others.all(|to| is_lost(from, to))
    };
    let mut arrows = Vec::new();
    for LostFlows { from, to, .. } in pairs {
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

/// `a, b and c`; of many, the first and the number of the others.
fn some_of(items: &[String], conjunction: &str) -> String {
    let shown = &items[..items.len().min(LISTED)];
    match (items.len() - shown.len(), shown) {
        (0, [others @ .., last]) if !others.is_empty() => {
            format!("{} {conjunction} {last}", others.join(", "))
        }
        (0, _) => shown.join(", "),
        (more, _) => format!("{} {conjunction} {more} more", shown.join(", ")),
    }
}

/// One failure in the JSON of a proof.
#[derive(Debug, Serialize)]
pub(super) struct FailureDocument<'a> {
    fails: FailingDocument<'a>,
    node_pairs: NodePairsDocument,
    lost: Vec<LostFlowDocument<'a>>,
    networks: Vec<LostNetworkDocument<'a>>,
    api: ApiDocument<'a>,
    strands_pods: bool,
    names: Vec<NameDocument<'a>>,
}

#[derive(Debug, Serialize)]
struct FailingDocument<'a> {
    kind: &'static str,
    name: &'a str,
}

#[derive(Debug, Serialize)]
struct NodePairsDocument {
    lost: usize,
    all: usize,
}

#[derive(Debug, Serialize)]
struct LostFlowDocument<'a> {
    from: &'a str,
    to: &'a str,
    flows: Vec<&'static str>,
}

#[derive(Debug, Serialize)]
struct LostNetworkDocument<'a> {
    network: &'a str,
    machines: &'a [String],
}

#[derive(Debug, Serialize)]
struct ApiDocument<'a> {
    answers: bool,
    cut_off: &'a [String],
    misdirected: &'a [String],
}

#[derive(Debug, Serialize)]
struct NameDocument<'a> {
    hostname: &'a str,
    gone: &'a [String],
    between_lost_pairs: bool,
}

/// The words for what fails.
pub(super) const KINDS: [&str; 4] = ["node", "client", "site-network", "site-uplink"];

/// The failures, as the JSON of a proof has them.
pub(super) fn documents<'a>(
    model: &'a Model,
    effects: &'a [FailureEffect],
) -> Vec<FailureDocument<'a>> {
    let document = |effect: &'a FailureEffect| FailureDocument {
        fails: failing(model, &effect.failure),
        node_pairs: NodePairsDocument {
            lost: effect.node_pairs(model).count(),
            all: ordered_pairs(model),
        },
        lost: effect.lost.iter().map(lost_flow).collect(),
        networks: effect
            .networks
            .iter()
            .map(|one| LostNetworkDocument { network: &one.network, machines: &one.machines })
            .collect(),
        api: api_document(effect.api.as_ref()),
        strands_pods: effect.strands_pods,
        names: effect.names.iter().map(name_document).collect(),
    };
    effects.iter().map(document).collect()
}

fn failing<'a>(model: &'a Model, failure: &'a Failure) -> FailingDocument<'a> {
    let [node, client, network, uplink] = KINDS;
    let (kind, name) = match failure {
        Failure::Machine(id) if model.is_client(*id) => (client, &model.machine(*id).name),
        Failure::Machine(id) => (node, &model.machine(*id).name),
        Failure::SiteNetwork(site) => (network, site),
        Failure::Uplink(site) => (uplink, site),
    };
    FailingDocument { kind, name }
}

fn lost_flow(pair: &LostFlows) -> LostFlowDocument<'_> {
    LostFlowDocument {
        from: &pair.from,
        to: &pair.to,
        flows: flows_of(pair.flows).map(|flow| flow.name).collect(),
    }
}

fn api_document(effect: Option<&ApiEffect>) -> ApiDocument<'_> {
    match effect {
        None => ApiDocument { answers: true, cut_off: &[], misdirected: &[] },
        Some(effect) => ApiDocument {
            answers: effect.has_quorum(),
            cut_off: &effect.cut_off,
            misdirected: &effect.misdirected,
        },
    }
}

fn name_document(name: &NameEffect) -> NameDocument<'_> {
    NameDocument {
        hostname: &name.hostname,
        gone: &name.gone,
        between_lost_pairs: name.is_between_lost_pairs,
    }
}
