//! Invariants: faults that no packet shows. One file for each subject.

mod boot;
mod calico;
mod control_plane;
pub(crate) mod identity;
mod mesh;
mod networks;
mod pod_count;
pub(crate) mod subnets;

use std::collections::BTreeSet;

use crate::exposure;
use crate::finding::{FindingCode, ProofFinding};
use crate::model::Model;
use crate::span::FileLine;
use rayon::prelude::*;

/// Checks all invariants; `blamed` are the places of known faults.
#[must_use]
pub(crate) fn check(model: &Model, blamed: &[FileLine]) -> Vec<ProofFinding> {
    let nodes: Vec<_> = model.nodes().collect();
    let clients: Vec<_> = model.clients().collect();
    let keepalives = mesh::Keepalives::of(model);
    let of_nodes = nodes.par_iter().flat_map_iter(|id| {
        let id = *id;
        let mut findings = exposure::public_side(model, id).findings;
        findings
            .extend(clients.iter().flat_map(|client| exposure::client_excess(model, *client, id)));
        findings.extend(exposure::from_pods(model, id));
        findings.extend(mesh::check(model, id, keepalives));
        findings.extend(identity::check(model, id));
        findings.extend(networks::check(model, id));
        findings.extend(boot::check(model, id));
        findings.extend(control_plane::check(model, id));
        findings.extend(pod_count::check(model, id));
        findings
    });
    let of_clients = clients.iter().flat_map(|client| {
        let mut findings = mesh::check(model, *client, keepalives);
        findings.extend(identity::check(model, *client));
        findings.extend(networks::check(model, *client));
        findings
    });
    let mut findings: Vec<_> = of_nodes.collect();
    findings.extend(of_clients);
    findings.extend(identity::shared(model));
    findings.extend(networks::shared(model));
    findings.extend(calico::check(model));
    findings.extend(mesh::small_mtu_of_pods(model));
    findings.extend(boot::units(model));
    findings.extend(control_plane::shared(model));
    let places = findings.iter().map(|finding| finding.place);
    let blamed: BTreeSet<_> = blamed.iter().copied().chain(places).collect();
    findings.extend(identity::copies(model, &blamed));
    findings.extend(identity::host(model, &blamed));
    findings.sort();
    // A wrong key is seen in its file and in those of other machines.
    findings.dedup_by(|later, earlier| {
        let is_key = later.code == FindingCode::KeysDisagree;
        later == earlier || is_key && (later.code, later.place) == (earlier.code, earlier.place)
    });
    findings
}
