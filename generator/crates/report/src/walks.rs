//! The walk of a packet for each ordered pair, as compact JSON: texts and files are numbers into tables.

use std::collections::BTreeMap;

use meshwright_proof::judge::Proof;
use meshwright_proof::matrix::{FlowMatrix, flows_of};
use meshwright_proof::model::{MachineId, Model, PairPath};
use meshwright_proof::report::text;
use meshwright_proof::trace::{self, FlowTracer, PacketTrace};
use meshwright_proof::{FlowEnd, flows};
use serde::Serialize;

/// The data of the page's script.
#[derive(Debug, Default, Serialize)]
pub(crate) struct WalkTable {
    /// The names of all machines.
    machines: Vec<String>,
    /// The names of all flows.
    flows: Vec<&'static str>,
    texts: Vec<String>,
    files: Vec<String>,
    /// By sender, then by receiver; none if no flow is proven between the two.
    pairs: Vec<Option<PairWalks>>,
}

/// One ordered pair.
#[derive(Debug, Serialize)]
struct PairWalks {
    /// `internet`, `site`, `relay` or `none`, and the name of the relay or site.
    path: (&'static str, Option<String>),
    /// How many flows hold.
    holding: u32,
    /// The flows that do not.
    failing: Vec<usize>,
    /// The flow whose packet is walked, and its steps.
    walk: Option<(usize, Vec<WalkStep>)>,
}

/// The machine, the text, the file and the line of a step. Line 0 is the whole file; a step without a place has no
/// file.
type WalkStep = (usize, usize, Option<usize>, u32);

/// Numbers for texts that occur often.
#[derive(Default)]
struct Numbered(BTreeMap<String, usize>);

impl Numbered {
    fn number(&mut self, text: String) -> usize {
        let next = self.0.len();
        *self.0.entry(text).or_insert(next)
    }

    fn into_texts(self) -> Vec<String> {
        let mut texts: Vec<_> = self.0.into_iter().collect();
        texts.sort_unstable_by_key(|(_, number)| *number);
        texts.into_iter().map(|(text, _)| text).collect()
    }
}

/// Walks the usual flow of each pair.
pub(crate) fn table(proof: &Proof, model: &Model) -> WalkTable {
    let matrix = FlowMatrix::of(model);
    let (mut texts, mut files) = (Numbered::default(), Numbered::default());
    let mut tracer = FlowTracer::new(model);
    let mut pairs = Vec::new();
    for from in model.ids() {
        for to in model.ids() {
            let names = [from, to].map(|id| model.machine(id).name.as_str());
            let flows = matrix.pair(names[0], names[1]);
            if flows.applying == 0 || from == to {
                pairs.push(None);
                continue;
            }
            let walk = usual(model, &mut tracer, from, to).map(|traced| {
                let steps = traced.hops.iter().map(|hop| {
                    let file = hop
                        .place
                        .map(|place| files.number(proof.paths.path(place.file).to_owned()));
                    let line = hop.place.map_or(0, |place| place.line);
                    (hop.machine.index(), texts.number(text::step(model, hop)), file, line)
                });
                let mut steps: Vec<_> = steps.collect();
                if let Some(end) = &traced.stopped {
                    let file = files.number(proof.paths.path(end.place.file).to_owned());
                    let last = steps.last().map_or(from.index(), |step| step.0);
                    let what = format!("{}: {}", text::end(&traced), end.message);
                    steps.push((last, texts.number(what), Some(file), end.place.line));
                }
                (position(traced.flow), steps)
            });
            pairs.push(Some(PairWalks {
                path: path(model, from, to),
                holding: flows.holding.count_ones(),
                failing: flows_of(flows.applying & !flows.holding)
                    .map(|flow| position(flow.name))
                    .collect(),
                walk,
            }));
        }
    }
    WalkTable {
        machines: model.machines.iter().map(|machine| machine.name.clone()).collect(),
        flows: flows::all().map(|flow| flow.name).collect(),
        texts: texts.into_texts(),
        files: files.into_texts(),
        pairs,
    }
}

/// The packet that `meshwright trace` walks between the pods of two nodes, or from a client to a pod.
fn usual(
    model: &Model,
    tracer: &mut FlowTracer<'_>,
    from: MachineId,
    to: MachineId,
) -> Option<PacketTrace> {
    let end = |id: MachineId| trace::TraceEnd {
        machine: Some(id),
        party: if model.is_client(id) { FlowEnd::Host } else { FlowEnd::Pod },
        address: None,
    };
    let flow = trace::usual_flow(model, end(from), end(to))?;
    flow.applies(model, from, to).then(|| tracer.trace(flow, from, to))
}

fn position(flow: &str) -> usize {
    flows::all().position(|known| known.name == flow).unwrap_or_default()
}

fn path(model: &Model, from: MachineId, to: MachineId) -> (&'static str, Option<String>) {
    match model.path(from, to) {
        PairPath::Internet => ("internet", None),
        PairPath::Site(site) => ("site", Some(site)),
        PairPath::Relay(relay) => ("relay", Some(model.relay_names(from, to, relay))),
        PairPath::None => ("none", None),
    }
}
