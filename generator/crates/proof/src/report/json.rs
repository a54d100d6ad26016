//! The reports for programs. `docs/prove.schema.json` describes their structure.

use std::io::{self, Write};

use serde::ser::SerializeSeq as _;
use serde::{Serialize, Serializer};

use super::causes::causes;
use super::failure::{self, FailureDocument};
use super::text;
use crate::assumption::Assumption;
use crate::cause::FlowInstance;
use crate::exposure;
use crate::failure::FailureEffect;
use crate::finding::{FindingCode, ProofFinding};
use crate::flows::{self, FlowCount, FlowVerdict};
use crate::hop::PacketHop;
use crate::ingress;
use crate::ingress::picture::{self, RequestPicture, Scene};
use crate::ingress::request::IngressRequest;
use crate::judge::{LISTED, Proof};
use crate::model::{MachineId, Model};
use crate::span::{FileLine, TreePaths};
use crate::trace::{FlowTracer, PacketTrace};

/// The version of the structure of all documents of this module.
pub const SCHEMA_VERSION: u32 = 2;

/// The flows of which a document contains the hops.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WalkedFlows {
    /// Those that fail, at most [`LISTED`].
    Failing,
    /// All.
    All,
}

/// Writes the result of a proof.
///
/// Each flow is walked again while it is written, so that memory never holds all steps. `failures` are the effects
/// of single failures, if they were computed.
///
/// # Errors
///
/// When writing fails.
pub fn proof(
    proof: &Proof,
    walked: WalkedFlows,
    failures: Option<&[FailureEffect]>,
    out: &mut dyn Write,
) -> io::Result<()> {
    let paths = &proof.paths;
    let omitted = match walked {
        WalkedFlows::Failing => proof.total_failures() - listed_flows(proof).count() as u64,
        WalkedFlows::All => 0,
    };
    let causes = causes(proof);
    let document = ProofDocument {
        schema_version: SCHEMA_VERSION,
        holds: proof.holds(),
        summary: proof.model.as_ref().map(|model| summary(proof, model)),
        causes: causes
            .iter()
            .map(|cause| CountedCause {
                cause: cause_document(cause.finding, paths),
                failed: cause.failed,
            })
            .collect(),
        assumptions: proof.assumptions.iter().map(|one| assumption(one, paths)).collect(),
        unjudged: proof.unjudged.iter().map(|one| assumption(one, paths)).collect(),
        exposure: proof.model.as_ref().map_or_else(Vec::new, |model| public_sides(model, paths)),
        counts: counts(proof),
        requests: proof.ingress.requests.iter().map(request_verdict).collect(),
        flows: FlowList { proof, walked },
        flows_omitted: omitted,
        edited: proof.edited.iter().map(|file| paths.path(*file)).collect(),
        failures: failures
            .zip(proof.model.as_ref())
            .map(|(failures, model)| failure::documents(model, failures)),
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
    let flow = flow_document(model, paths, trace);
    write_trace(flow, trace.cause.is_none(), out)
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
    let flow = request_document(model, paths, picture);
    write_trace(flow, picture.stopped.is_none(), out)
}

fn write_trace(flow: FlowDocument<'_>, holds: bool, out: &mut dyn Write) -> io::Result<()> {
    let document = TraceDocument { schema_version: SCHEMA_VERSION, holds, flow };
    serde_json::to_writer_pretty(&mut *out, &document)?;
    writeln!(out)
}

#[derive(Serialize)]
struct ProofDocument<'a> {
    schema_version: u32,
    holds: bool,
    summary: Option<ProofSummary>,
    causes: Vec<CountedCause<'a>>,
    assumptions: Vec<AssumptionDocument<'a>>,
    unjudged: Vec<AssumptionDocument<'a>>,
    exposure: Vec<PublicSideDocument<'a>>,
    counts: Vec<CountDocument>,
    requests: Vec<RequestVerdict<'a>>,
    flows: FlowList<'a>,
    flows_omitted: u64,
    edited: Vec<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    failures: Option<Vec<FailureDocument<'a>>>,
}

#[derive(Serialize)]
struct ProofSummary {
    nodes: usize,
    clients: usize,
    pairs: u64,
    flows: u64,
    proven: u64,
    failed: u64,
}

#[derive(Serialize)]
struct CountedCause<'a> {
    #[serde(flatten)]
    cause: CauseDocument<'a>,
    failed: u64,
}

#[derive(Serialize)]
struct AssumptionDocument<'a> {
    file: &'a str,
    line: u32,
    text: &'a str,
}

#[derive(Serialize)]
struct PublicSideDocument<'a> {
    node: &'a str,
    file: &'a str,
    accepts: Vec<AcceptedPackets>,
}

#[derive(Serialize)]
struct AcceptedPackets {
    packets: String,
    line: Option<u32>,
}

#[derive(Serialize)]
struct CountDocument {
    flow: &'static str,
    about: &'static str,
    proven: u64,
    failed: u64,
}

#[derive(Serialize)]
struct RequestVerdict<'a> {
    hostname: &'a str,
    holds: bool,
    end: Option<String>,
}

#[derive(Serialize)]
struct TraceDocument<'a> {
    schema_version: u32,
    holds: bool,
    #[serde(flatten)]
    flow: FlowDocument<'a>,
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

fn summary(proof: &Proof, model: &Model) -> ProofSummary {
    let FlowCount { proven, failed } = proof.total();
    ProofSummary {
        nodes: model.nodes().count(),
        clients: model.clients().count(),
        pairs: proof.pairs(),
        flows: proven + failed,
        proven,
        failed,
    }
}

fn cause_document<'a>(finding: &ProofFinding, paths: &'a TreePaths) -> CauseDocument<'a> {
    CauseDocument {
        code: finding.code.name(),
        file: paths.path(finding.place.file),
        line: finding.place.line,
        message: finding.message.clone(),
    }
}

fn assumption<'a>(assumed: &'a Assumption, paths: &'a TreePaths) -> AssumptionDocument<'a> {
    let FileLine { file, line } = assumed.place;
    AssumptionDocument { file: paths.path(file), line, text: &assumed.text }
}

fn public_sides<'a>(model: &'a Model, paths: &'a TreePaths) -> Vec<PublicSideDocument<'a>> {
    let nodes = model.nodes().filter_map(|id| Some((id, model.files(id)?)));
    let sides = nodes.map(|(id, files)| {
        let admitted = exposure::public_side(model, id).admitted.into_iter();
        PublicSideDocument {
            node: &files.name,
            file: paths.path(files.firewall.file),
            accepts: admitted.map(|(packets, line)| AcceptedPackets { packets, line }).collect(),
        }
    });
    sides.collect()
}

/// The counts of all flows that the tree has.
fn counts(proof: &Proof) -> Vec<CountDocument> {
    let counts = proof.counted_flows().map(|(flow, about, FlowCount { proven, failed })| {
        CountDocument { flow, about, proven, failed }
    });
    counts.collect()
}

fn request_verdict(request: &IngressRequest) -> RequestVerdict<'_> {
    RequestVerdict {
        hostname: &request.hostname,
        holds: request.stopped.is_none(),
        end: request.end.as_ref().map(ToString::to_string),
    }
}

/// Failing flows between machines of which the hops are written: all if there are few, otherwise equally
/// many of each cause.
fn listed_flows(proof: &Proof) -> impl Iterator<Item = FlowInstance<'static>> + '_ {
    let is_short = proof.total_failures() <= LISTED as u64;
    let share = (LISTED / proof.failures.len().max(1)).max(1);
    let of_each = if is_short { LISTED } else { share };
    let flows = proof.failures.iter().flat_map(move |failure| failure.listed.iter().take(of_each));
    flows.copied().take(LISTED)
}

/// The flows of a proof, walked while they are written.
struct FlowList<'a> {
    proof: &'a Proof,
    walked: WalkedFlows,
}

impl FlowList<'_> {
    fn instances<'a>(
        &'a self,
        model: &'a Model,
    ) -> Box<dyn Iterator<Item = FlowInstance<'static>> + 'a> {
        match self.walked {
            WalkedFlows::Failing => Box::new(listed_flows(self.proof)),
            WalkedFlows::All => Box::new(all_flows(model)),
        }
    }
}

fn all_flows(model: &Model) -> impl Iterator<Item = FlowInstance<'static>> {
    let pairs = model.ids().flat_map(|from| model.ids().map(move |to| (from, to)));
    pairs.flat_map(move |(from, to): (MachineId, MachineId)| {
        let flows = flows::all().filter(move |flow| flow.applies(model, from, to));
        flows.map(move |flow| FlowInstance { flow, from, to })
    })
}

impl Serialize for FlowList<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(None)?;
        let Some(model) = &self.proof.model else { return list.end() };
        let paths = &self.proof.paths;
        let mut tracer = FlowTracer::new(model);
        for instance in self.instances(model) {
            let FlowInstance { flow, from, to } = instance;
            let traced = tracer.trace(flow, from, to);
            list.serialize_element(&flow_document(model, paths, &traced))?;
        }
        let requests = self.proof.ingress.requests.iter();
        let fails = |request: &&IngressRequest| request.stopped.is_some();
        for request in requests.filter(|one| self.walked == WalkedFlows::All || fails(one)) {
            let picture = picture::draw(model, request);
            list.serialize_element(&request_document(model, paths, &picture))?;
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
        cause: picture.stopped.as_ref().map(|finding| cause_document(finding, paths)),
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
            hops.iter().map(|hop| hop_document(model, paths, hop)).collect()
        }
    });
    hops.collect()
}

fn hop_document<'a>(model: &'a Model, paths: &'a TreePaths, hop: &PacketHop) -> HopDocument<'a> {
    HopDocument {
        node: &model.machine(hop.machine).name,
        what: text::step(model, hop),
        file: hop.place.map(|place| paths.path(place.file)),
        line: hop.place.map(|place| place.line),
    }
}

fn flow_document<'a>(
    model: &'a Model,
    paths: &'a TreePaths,
    trace: &PacketTrace,
) -> FlowDocument<'a> {
    let verdict = match trace.verdict {
        FlowVerdict::Delivered => "delivered",
        FlowVerdict::Stopped(stopped) if stopped.is_blocked() => "blocked",
        FlowVerdict::Stopped(_) => "lost",
    };
    FlowDocument {
        from: &model.machine(trace.from).name,
        to: &model.machine(trace.to).name,
        flow: trace.flow,
        verdict,
        expected: if trace.is_to_arrive { "delivered" } else { "blocked" },
        hops: trace.hops.iter().map(|hop| hop_document(model, paths, hop)).collect(),
        cause: trace.cause.as_ref().map(|finding| cause_document(finding, paths)),
    }
}
