//! The reports for programs: every flow with its steps.

use std::io::{self, Write};

use serde::ser::SerializeSeq as _;
use serde::{Serialize, Serializer};

use super::text;
use crate::finding::{FindingCode, ProofFinding};
use crate::flows::{self, Expected, Flow, FlowVerdict};
use crate::ingress;
use crate::ingress::picture::{self, RequestPicture, Scene};
use crate::judge::{self, FlowInstance, Proof};
use crate::model::{MachineId, Model};
use crate::span::TreePaths;
use crate::trace::PacketTrace;
use crate::walk::Walker;

const SCHEMA_VERSION: u32 = 1;

/// Writes the result of a proof.
///
/// Each flow is walked again while it is written, so that memory never holds all steps.
///
/// # Errors
///
/// When writing fails.
pub fn proof(proof: &Proof, out: &mut dyn Write) -> io::Result<()> {
    let total = proof.total();
    let document = ProofDocument {
        schema_version: SCHEMA_VERSION,
        summary: ProofSummary {
            nodes: proof.model.as_ref().map_or(0, |model| model.nodes().count()),
            pairs: proof.pairs(),
            flows: total.proven + total.failed,
            failed: total.failed,
        },
        flows: FlowList(proof),
        invariants: invariants(proof).map(|one| cause(one, &proof.paths)).collect(),
        edited: proof.edited.iter().map(|file| proof.paths.path(*file)).collect(),
    };
    serde_json::to_writer_pretty(&mut *out, &document)?;
    writeln!(out)
}

/// Writes one trace.
///
/// # Errors
///
/// When writing fails.
pub fn trace(
    model: &Model,
    paths: &TreePaths,
    trace: &PacketTrace,
    out: &mut dyn Write,
) -> io::Result<()> {
    let document = TraceDocument {
        schema_version: SCHEMA_VERSION,
        flow: trace.flow,
        hops: trace.hops.iter().map(|hop| HopDocument::new(model, paths, hop)).collect(),
        cause: trace.stopped.as_ref().map(|finding| cause(finding, paths)),
    };
    serde_json::to_writer_pretty(&mut *out, &document)?;
    writeln!(out)
}

/// Writes the path of a request from the Internet.
///
/// # Errors
///
/// When writing fails.
pub fn request(
    model: &Model,
    paths: &TreePaths,
    picture: &RequestPicture,
    out: &mut dyn Write,
) -> io::Result<()> {
    let document = TraceDocument {
        schema_version: SCHEMA_VERSION,
        flow: ingress::FLOW,
        hops: request_hops(model, paths, picture),
        cause: picture.stopped.as_ref().map(|finding| cause(finding, paths)),
    };
    serde_json::to_writer_pretty(&mut *out, &document)?;
    writeln!(out)
}

/// Faults that no packet shows. The cause of a failed name is reported with that name.
fn invariants(proof: &Proof) -> impl Iterator<Item = &ProofFinding> {
    proof.ingress.findings.iter().chain(&proof.findings)
}

#[derive(Serialize)]
struct ProofDocument<'a> {
    schema_version: u32,
    summary: ProofSummary,
    flows: FlowList<'a>,
    invariants: Vec<CauseDocument<'a>>,
    edited: Vec<&'a str>,
}

#[derive(Serialize)]
struct ProofSummary {
    nodes: usize,
    pairs: u64,
    flows: u64,
    failed: u64,
}

#[derive(Serialize)]
struct TraceDocument<'a> {
    schema_version: u32,
    flow: &'a str,
    hops: Vec<HopDocument<'a>>,
    cause: Option<CauseDocument<'a>>,
}

#[derive(Serialize)]
struct FlowDocument<'a> {
    from: &'a str,
    to: &'a str,
    flow: &'a str,
    verdict: &'static str,
    expected: &'static str,
    hops: Vec<HopDocument<'a>>,
    cause: Option<CauseDocument<'a>>,
}

#[derive(Serialize)]
struct HopDocument<'a> {
    node: &'a str,
    what: String,
    file: Option<&'a str>,
    line: Option<u32>,
}

#[derive(Serialize)]
struct CauseDocument<'a> {
    code: &'static str,
    file: &'a str,
    line: u32,
    message: String,
}

fn cause<'a>(finding: &ProofFinding, paths: &'a TreePaths) -> CauseDocument<'a> {
    CauseDocument {
        code: finding.code.name(),
        file: paths.path(finding.place.file),
        line: finding.place.line,
        message: finding.message.clone(),
    }
}

impl<'a> HopDocument<'a> {
    fn new(model: &'a Model, paths: &'a TreePaths, hop: &crate::hop::PacketHop) -> Self {
        Self {
            node: &model.machine(hop.machine).name,
            what: text::step(model, hop),
            file: hop.place.map(|place| paths.path(place.file)),
            line: hop.place.map(|place| place.line),
        }
    }
}

/// All flows of a proof, walked while they are written.
struct FlowList<'a>(&'a Proof);

impl Serialize for FlowList<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(None)?;
        let Some(model) = &self.0.model else { return list.end() };
        for (from, to) in model.ids().flat_map(|from| model.nodes().map(move |to| (from, to))) {
            for flow in flows::all().filter(|flow| flow.applies(model, from, to)) {
                list.serialize_element(&flow_document(model, &self.0.paths, flow, from, to))?;
            }
        }
        for request in &self.0.ingress.requests {
            let picture = picture::draw(model, request);
            list.serialize_element(&request_document(model, &self.0.paths, &picture))?;
        }
        list.end()
    }
}

/// A request from the Internet.
fn request_document<'a>(
    model: &'a Model,
    paths: &'a TreePaths,
    picture: &'a RequestPicture,
) -> FlowDocument<'a> {
    let verdict = match picture.stopped.as_ref().map(|finding| finding.code) {
        None => "delivered",
        Some(FindingCode::PolicyDrops | FindingCode::FirewallDrops) => "blocked",
        Some(_) => "lost",
    };
    FlowDocument {
        from: "internet",
        to: &picture.hostname,
        flow: ingress::FLOW,
        verdict,
        expected: "delivered",
        hops: request_hops(model, paths, picture),
        cause: picture.stopped.as_ref().map(|finding| cause(finding, paths)),
    }
}

fn request_hops<'a>(
    model: &'a Model,
    paths: &'a TreePaths,
    picture: &'a RequestPicture,
) -> Vec<HopDocument<'a>> {
    let hops = picture.scenes.iter().flat_map(|scene| match scene {
        Scene::Lookup { by, what, place } => vec![HopDocument {
            node: by.node.map_or(by.station.name(), |node| &model.machine(node).name),
            what: what.clone(),
            file: place.map(|place| paths.path(place.file)),
            line: place.map(|place| place.line),
        }],
        Scene::Sent { hops, .. } => {
            hops.iter().map(|hop| HopDocument::new(model, paths, hop)).collect()
        }
    });
    hops.collect()
}

fn flow_document<'a>(
    model: &'a Model,
    paths: &'a TreePaths,
    flow: &'static Flow,
    from: MachineId,
    to: MachineId,
) -> FlowDocument<'a> {
    let mut walker = Walker::with_log(model);
    let verdict = flow.prove(&mut walker, from, to);
    let hops = walker.hops();
    let asked = flow.expected == Expected::Delivered
        || flow.expected == Expected::AsAsked && flow.is_asked_for(model, from);
    let named = match verdict {
        FlowVerdict::Delivered => "delivered",
        FlowVerdict::Stopped(stopped) if stopped.is_blocked() => "blocked",
        FlowVerdict::Stopped(_) => "lost",
    };
    let holds = flow.holds(model, from, verdict);
    let instance = FlowInstance { flow, from, to };
    let finding = (!holds).then(|| judge::cause(model, &instance, verdict));
    FlowDocument {
        from: &model.machine(from).name,
        to: &model.machine(to).name,
        flow: flow.name,
        verdict: named,
        expected: if asked { "delivered" } else { "blocked" },
        hops: hops.iter().map(|hop| HopDocument::new(model, paths, hop)).collect(),
        cause: finding.as_ref().map(|finding| cause(finding, paths)),
    }
}
