//! `trace` has the verdict and the cause of `prove`, for each flow of each pair of machines.

use std::collections::BTreeMap;

use meshwright_proof::finding::FindingCode;
use meshwright_proof::flows;
use meshwright_proof::ingress::{self, picture};
use meshwright_proof::judge::Proof;
use meshwright_proof::model::Model;
use meshwright_proof::span::FileLine;
use meshwright_proof::trace;

use super::{ALL, Change, EXAMPLE, changed, prove, whole};

/// Faults of which only some probes of a flow fail: the first of several addresses arrives, or one mode of
/// kube-proxy works.
const PACKETS: &[(&str, Change)] = &[
    (
        "nodes/tokyo/wg0.conf",
        Change::Replace("10.66.66.1/32, 10.244.1.0/24", "10.66.66.1/32, 10.244.1.0/25"),
    ),
    (
        "nodes/tokyo/wg0.conf",
        Change::Replace("10.66.66.1/32, 10.244.1.0/24", "10.66.66.1/32, 10.244.1.128/25"),
    ),
    ("nodes/home/wg0.conf", Change::Replace("MTU = 1412", "MTU = 1420")),
    ("nodes/tokyo/wg0.routes", Change::Replace("route replace 10.244.1.0/24", "# 10.244.1.0/24")),
    (
        "nodes/tokyo/nftables.conf",
        Change::Replace("    iifname \"cali*\" accept\n    ct state", "    ct state"),
    ),
    (
        "nodes/tokyo/nftables.conf",
        Change::Replace(
            "    iifname \"wg0\" accept\n    iifname \"cali*\" accept\n    ct state",
            "    iifname \"wg0\" ip daddr 10.244.2.0/25 accept\n    iifname \"cali*\" accept\n    ct state",
        ),
    ),
    (
        "nodes/frankfurt/nftables.conf",
        Change::Replace("    ct status dnat counter drop comment \"client to NodePort\"\n", ""),
    ),
    (
        "nodes/frankfurt/nftables.conf",
        Change::Replace(
            "    ip daddr @host_services meta l4proto != { tcp, udp } counter drop",
            "    # ",
        ),
    ),
    (
        "nodes/hongkong/nftables.conf",
        Change::Replace(
            "    iifname \"wg0\" ip saddr 10.244.0.0/16 jump from_pod",
            "    iifname \"wg0\" ip saddr 10.244.2.0/25 jump from_pod",
        ),
    ),
    ("clients/laptop/wg0.conf", Change::Replace("10.66.66.2/32, 10.244.2.0/24", "10.66.66.2/32")),
];

#[test]
fn a_trace_has_the_verdict_and_the_cause_of_the_proof() {
    let whole = whole();
    let broken = ALL.iter().copied().flatten();
    let listed = broken.map(|broken| (broken.topology, broken.file, &broken.change));
    let packets = PACKETS.iter().map(|(file, change)| (EXAMPLE, *file, change));
    let mut failing = 0;
    for (topology, file, change) in listed.chain(packets) {
        let proof = prove(&changed(&whole[topology], file, change));
        let Some(model) = &proof.model else { continue };
        // Most of the other trees break only requests.
        if !proof.failures.is_empty() {
            failing += flows_agree(&proof, model, file);
        }
        failing += requests_agree(&proof, model);
    }
    assert!(failing > 100, "only {failing} flows fail");
}

type CauseKey = (FindingCode, FileLine);

/// Compares all flows between machines; returns how many fail.
fn flows_agree(proof: &Proof, model: &Model, file: &str) -> usize {
    let mut causes: BTreeMap<_, CauseKey> = BTreeMap::new();
    for failure in &proof.failures {
        assert_eq!(failure.count, failure.listed.len() as u64, "{file}");
        let cause = (failure.finding.code, failure.finding.place);
        let flows = failure.listed.iter().map(|one| ((one.flow.name, one.from, one.to), cause));
        causes.extend(flows);
        let first = failure.listed[0];
        let traced = trace::trace(model, first.flow, first.from, first.to);
        assert_eq!(traced.cause.as_ref(), Some(&failure.finding), "{file}");
    }
    for (from, to) in model.ids().flat_map(|from| model.nodes().map(move |to| (from, to))) {
        for flow in flows::all().filter(|flow| flow.applies(model, from, to)) {
            let traced = trace::trace(model, flow, from, to);
            let cause = traced.cause.as_ref().map(|cause| (cause.code, cause.place));
            let expected = causes.get(&(flow.name, from, to)).copied();
            assert_eq!(cause, expected, "{file}: {}: {traced:#?}", flow.name);
            if let (Some(_), Some(stopped)) = (expected, &traced.stopped) {
                let last = traced.hops.last().map(|hop| hop.machine);
                assert!(last.is_some(), "{file}: {}: no step leads to {stopped:?}", flow.name);
            }
        }
    }
    causes.len()
}

fn requests_agree(proof: &Proof, model: &Model) -> usize {
    let requests = &proof.ingress.requests;
    for request in requests {
        let asked = ingress::ask(model, &proof.ingress, &request.hostname).expect("a public name");
        let drawn = picture::draw(model, &asked);
        let place = |finding: &Option<meshwright_proof::finding::ProofFinding>| {
            finding.as_ref().map(|finding| (finding.code, finding.place))
        };
        assert_eq!(place(&drawn.stopped), place(&request.stopped), "{}", request.hostname);
    }
    requests.iter().filter(|request| request.stopped.is_some()).count()
}
