//! WireGuard's port is the same in `node.json` and in the `wg0.conf` beside it.

use crate::finding::{FindingCode, ProofFinding};
use crate::model::{MachineId, Model};
use crate::span::FileLine;

/// The nodes with two ports. The file whose port fewer peers call is wrong; if that decides nothing, it is
/// `wg0.conf`.
pub(super) fn check(model: &Model) -> Vec<ProofFinding> {
    model.nodes().filter_map(|id| differing(model, id)).collect()
}

fn differing(model: &Model, id: MachineId) -> Option<ProofFinding> {
    let node = model.files(id)?;
    let stated = node.json.content.listen_port;
    let configured = node.conf.content.listen_port.filter(|port| port.value != stated.value)?;
    let in_json = StatedPort {
        port: stated.value,
        place: node.json.file.line(stated.line),
        shown: format!("nodes/{}/node.json:{}", node.name, stated.line),
    };
    let in_conf = StatedPort {
        port: configured.value,
        place: node.conf.file.line(configured.line),
        shown: format!("nodes/{}/{}.conf:{}", node.name, model.emitted.interface, configured.line),
    };
    let [call_stated, call_configured] =
        [stated.value, configured.value].map(|port| callers(model, id, port));
    Some(match call_configured > call_stated {
        true => finding(&in_json, &in_conf),
        false => finding(&in_conf, &in_json),
    })
}

/// How many machines call a node at a port.
fn callers(model: &Model, called: MachineId, port: u16) -> usize {
    let calls = |caller: &MachineId| {
        let mut peers = model.conf(*caller).peers.iter();
        let position =
            peers.position(|peer| model.owner_of_key(&peer.public_key.value) == Some(called));
        let endpoint = position.and_then(|position| model.endpoint(*caller, position));
        endpoint.and_then(|(endpoint, _)| endpoint.port()).is_some_and(|one| one.get() == port)
    };
    model.ids().filter(calls).count()
}

/// The port in one file.
struct StatedPort {
    port: u16,
    place: FileLine,
    shown: String,
}

fn finding(wrong: &StatedPort, other: &StatedPort) -> ProofFinding {
    let message =
        format!("WireGuard's port is {} here, and {} in {}", wrong.port, other.port, other.shown);
    ProofFinding::new(FindingCode::FilesDisagree, wrong.place, message)
}
