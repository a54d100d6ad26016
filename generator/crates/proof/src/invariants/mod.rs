//! Invariants: faults that no packet shows. One file for each subject.

mod boot;
mod calico;
mod control_plane;
mod mesh;

use crate::exposure;
use crate::finding::ProofFinding;
use crate::model::Model;
use rayon::prelude::*;

/// Checks all invariants.
#[must_use]
pub(crate) fn check(model: &Model) -> Vec<ProofFinding> {
    let nodes: Vec<_> = model.nodes().collect();
    let clients: Vec<_> = model.clients().collect();
    let of_nodes = nodes.par_iter().flat_map_iter(|id| {
        let id = *id;
        let mut findings = exposure::public_side(model, id).findings;
        findings
            .extend(clients.iter().flat_map(|client| exposure::client_excess(model, *client, id)));
        findings.extend(mesh::check(model, id));
        findings.extend(boot::check(model, id));
        findings.extend(control_plane::check(model, id));
        findings
    });
    let of_clients = clients.iter().flat_map(|client| mesh::check(model, *client));
    let mut findings: Vec<_> = of_nodes.collect();
    findings.extend(of_clients);
    findings.extend(calico::check(model));
    findings.extend(boot::units(model));
    findings.extend(control_plane::shared(model));
    findings.sort();
    findings
}
