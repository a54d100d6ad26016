//! WireGuard's port is the same in every `node.json`, and in the `wg0.conf` beside it.

use super::{alike, majority};
use crate::finding::{FindingCode, ProofFinding};
use crate::model::Model;

/// The ports that differ from that of most nodes.
pub(super) fn check(model: &Model) -> Vec<ProofFinding> {
    let mut findings = alike(model, "WireGuard's port", |json| &json.listen_port);
    let Some((port, ..)) = majority(model, |json| &json.listen_port) else { return findings };
    for node in &model.emitted.nodes {
        let stated = node.json.content.listen_port;
        let configured = node.conf.content.listen_port;
        // If `node.json` differs from the others, it has its finding.
        let Some(configured) = configured.filter(|one| one.value != stated.value) else { continue };
        if stated.value == *port {
            let message = format!(
                "WireGuard's port is {} here, and {port} in nodes/{}/node.json:{}",
                configured.value, node.name, stated.line
            );
            let place = node.conf.file.line(configured.line);
            findings.push(ProofFinding::new(FindingCode::FilesDisagree, place, message));
        }
    }
    findings
}
