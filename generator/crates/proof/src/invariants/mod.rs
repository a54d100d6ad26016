//! What must hold without any packet: one file a kind.

mod boot;
mod calico;
mod control_plane;
mod mesh;

use crate::finding::ProofFinding;
use crate::model::Model;
use crate::{exposure, parallel};

/// Everything that is wrong with a tree although its packets may pass.
#[must_use]
pub fn check(model: &Model) -> Vec<ProofFinding> {
    let nodes: Vec<_> = model.nodes().collect();
    let clients: Vec<_> = model.clients().collect();
    let of_nodes = parallel::map(nodes.len(), |position| {
        let id = nodes[position];
        let mut findings = exposure::public_side(model, id).findings;
        findings
            .extend(clients.iter().flat_map(|client| exposure::client_excess(model, *client, id)));
        findings.extend(mesh::check(model, id));
        findings.extend(boot::check(model, id));
        findings.extend(control_plane::check(model, id));
        findings
    });
    let of_clients = clients.iter().flat_map(|client| mesh::check(model, *client));
    let mut findings: Vec<_> = of_nodes.into_iter().flatten().chain(of_clients).collect();
    findings.extend(calico::check(model));
    findings.extend(boot::units(model));
    findings.extend(control_plane::shared(model));
    findings.sort();
    findings
}
