//! The page and its tables.

use meshwright_proof::assumption::{self, Assumption};
use meshwright_proof::failure;
use meshwright_proof::judge::Proof;
use meshwright_proof::model::{MachineId, Model, PairPath};
use meshwright_proof::report::causes::causes;
use meshwright_proof::report::{failure as failure_report, human};
use serde::Serialize;

use crate::change::ChangeView;
use crate::map::MeshMap;
use crate::{map, svg, template, walks};
use meshwright_change::plan::ChangePlan;

const TEMPLATE: &str = include_str!("../templates/report.html.j2");
const STYLE: &str = include_str!("../templates/report.css");
const SCRIPT: &str = include_str!("../templates/report.js");

#[derive(Serialize)]
struct PageView<'a> {
    style: String,
    script: &'static str,
    holds: bool,
    proven: u64,
    failed: u64,
    causes: Vec<CauseView>,
    change: Option<ChangeView<'a>>,
    network: Option<NetworkView<'a>>,
    flows: Vec<FlowView>,
    /// Settings of the user that the proof did not judge.
    unjudged: Vec<AssumptionView>,
    assumptions: Vec<AssumptionView>,
}

/// What is known if the files form a network.
#[derive(Serialize)]
struct NetworkView<'a> {
    cluster: &'a str,
    kubernetes: &'a str,
    /// The picture of the map.
    map: String,
    /// What the lines of the picture are.
    tunnels: Vec<TunnelView>,
    /// Whether only tunnels in local networks are drawn.
    is_reduced: bool,
    machines: Vec<MachineView<'a>>,
    public_sides: Vec<PublicSideView>,
    requests: Vec<RequestView<'a>>,
    failures: Vec<FailureView>,
    walks: String,
}

#[derive(Serialize)]
struct TunnelView {
    kind: &'static str,
    text: &'static str,
}

#[derive(Serialize)]
struct MachineView<'a> {
    name: &'a str,
    kind: &'static str,
    address: String,
    pods: String,
    site: &'a str,
    endpoint: String,
    mtu: u16,
    relayed: Vec<String>,
}

#[derive(Serialize)]
struct CauseView {
    code: &'static str,
    place: String,
    message: String,
    effect: String,
}

#[derive(Serialize)]
struct FlowView {
    name: &'static str,
    about: &'static str,
    proven: u64,
    failed: u64,
}

#[derive(Serialize)]
struct PublicSideView {
    nodes: String,
    accepts: Vec<String>,
}

#[derive(Serialize)]
struct RequestView<'a> {
    hostname: &'a str,
    holds: bool,
    end: String,
}

#[derive(Serialize)]
struct FailureView {
    name: String,
    losses: Vec<String>,
}

#[derive(Serialize)]
struct AssumptionView {
    text: String,
    places: String,
}

/// The page of a proof. Equal proofs have equal pages. `change` is the plan of the change from another tree, with the
/// name of that tree.
#[must_use]
pub fn html(proof: &Proof, change: Option<(&str, &ChangePlan)>) -> String {
    let total = proof.total();
    let view = PageView {
        style: format!("{}{STYLE}", svg::STYLE),
        script: SCRIPT,
        holds: proof.holds(),
        proven: total.proven,
        failed: total.failed,
        causes: cause_views(proof),
        change: change.map(|(from, plan)| ChangeView::new(from, plan)),
        network: proof.model.as_ref().map(|model| network(proof, model)),
        flows: flow_views(proof),
        unjudged: assumption_views(proof, &proof.unjudged),
        assumptions: assumption_views(proof, &proof.assumptions),
    };
    template::render("report.html", TEMPLATE, &view)
}

fn network<'a>(proof: &'a Proof, model: &'a Model) -> NetworkView<'a> {
    let walks = serde_json::to_string(&walks::table(proof, model));
    let walks = walks.unwrap_or_else(|fault| unreachable!("names and numbers are JSON: {fault}"));
    let (cluster, kubernetes) = map::cluster(model);
    let map = MeshMap::new(model);
    let tunnels = svg::line_kinds(&map).into_iter();
    NetworkView {
        cluster,
        kubernetes,
        map: svg::inside(&map),
        tunnels: tunnels.map(|(kind, text)| TunnelView { kind, text }).collect(),
        is_reduced: map.is_reduced,
        machines: model.ids().map(|id| machine(model, id)).collect(),
        public_sides: public_sides(proof, model),
        requests: requests(proof),
        failures: failures(proof, model),
        // In HTML, `</script>` ends a script wherever it is; `<` is not needed in JSON.
        walks: walks.replace('<', "\\u003c"),
    }
}

fn machine(model: &Model, id: MachineId) -> MachineView<'_> {
    let machine = model.machine(id);
    let files = model.files(id).map(|files| &files.json.content);
    let pods = machine.node.iter().flat_map(|node| &node.pools).map(|(pool, _)| pool.to_string());
    let endpoint = files.and_then(|json| json.endpoint.as_ref());
    let lan = files.and_then(|json| json.lan_endpoint.as_ref());
    let endpoint = match (endpoint, lan) {
        (Some(public), _) => public.value.to_string(),
        (None, Some(lan)) => format!("behind NAT; in its site {}", lan.value),
        (None, None) if model.is_client(id) => String::new(),
        (None, None) => "behind NAT".to_owned(),
    };
    let relayed = model.nodes().filter_map(|to| match model.path(id, to) {
        PairPath::Relay(relay) if to != id => {
            let relays = model.relay_names(id, to, relay);
            Some(format!("{} through {relays}", model.machine(to).name))
        }
        _ => None,
    });
    MachineView {
        name: &machine.name,
        kind: map::kind(model, id),
        address: model.classes.address(machine.address).to_string(),
        pods: pods.collect::<Vec<_>>().join(", "),
        site: model.site(id).unwrap_or_default(),
        endpoint,
        mtu: model.mtu(id),
        relayed: relayed.collect(),
    }
}

fn cause_views(proof: &Proof) -> Vec<CauseView> {
    let views = causes(proof).into_iter().map(|cause| CauseView {
        code: cause.finding.code.name(),
        place: proof.paths.show(cause.finding.place),
        message: cause.finding.message.clone(),
        effect: cause.effect,
    });
    views.collect()
}

fn flow_views(proof: &Proof) -> Vec<FlowView> {
    let views = proof.counted_flows().map(|(name, about, count)| FlowView {
        name,
        about,
        proven: count.proven,
        failed: count.failed,
    });
    views.collect()
}

fn public_sides(proof: &Proof, model: &Model) -> Vec<PublicSideView> {
    let sides = human::alike_public_sides(proof, model).into_iter();
    sides.map(|(accepts, nodes)| PublicSideView { nodes: nodes.join(", "), accepts }).collect()
}

fn requests(proof: &Proof) -> Vec<RequestView<'_>> {
    let views = proof.ingress.requests.iter().map(|request| RequestView {
        hostname: &request.hostname,
        holds: request.stopped.is_none(),
        end: request.end.as_ref().map(ToString::to_string).unwrap_or_default(),
    });
    views.collect()
}

fn failures(proof: &Proof, model: &Model) -> Vec<FailureView> {
    let effects = failure::effects(model, &proof.ingress.requests).into_iter();
    let views = effects.map(|effect| FailureView {
        name: failure_report::name(model, &effect.failure),
        losses: failure_report::losses(model, &effect),
    });
    views.collect()
}

fn assumption_views(proof: &Proof, assumptions: &[Assumption]) -> Vec<AssumptionView> {
    let views = assumption::alike(assumptions).map(|alike| AssumptionView {
        text: alike[0].text.clone(),
        places: alike.iter().map(|one| proof.paths.show(one.place)).collect::<Vec<_>>().join(", "),
    });
    views.collect()
}
