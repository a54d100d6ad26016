//! One machine's interface: no address twice, everyone kept awake, no routes for BIRD to learn.

use crate::finding::{FindingCode, ProofFinding};
use crate::model::link::Link;
use crate::model::{MachineId, Model};
use crate::read::wg_quick::AllowedIp;

pub(super) fn check(model: &Model, id: MachineId) -> Vec<ProofFinding> {
    let mut findings = claimed_twice(model, id);
    findings.extend(links(model, id));
    findings.extend(keepalives(model, id));
    findings.extend(routes(model, id));
    findings.extend(files_agree(model, id));
    findings
}

/// WireGuard gives a prefix that two peers claim to the last, without a word.
fn claimed_twice(model: &Model, id: MachineId) -> Vec<ProofFinding> {
    let conf = model.conf(id);
    let file = model.machine(id).file;
    let mut claims: Vec<AllowedIp> = conf.allowed.clone();
    claims.sort_by_key(|claim| (claim.net.network(), claim.net.prefix_len()));
    let pairs = claims.windows(2).filter(|pair| {
        pair[0].peer != pair[1].peer && pair[0].net.contains(&pair[1].net.network())
    });
    let message = |pair: &[AllowedIp]| {
        let [first, second] = [pair[0], pair[1]].map(|claim| conf.line_of(claim));
        format!("{} is claimed here and on line {}", pair[1].net, first.min(second))
    };
    let place = |pair: &[AllowedIp]| file.line(conf.line_of(pair[0]).max(conf.line_of(pair[1])));
    pairs
        .map(|pair| ProofFinding::new(FindingCode::AddressClaimedTwice, place(pair), message(pair)))
        .collect()
}

/// A link that is down and that no flow of two nodes needs, such as one to a client.
fn links(model: &Model, id: MachineId) -> Vec<ProofFinding> {
    let clients: Vec<_> = model.clients().map(|client| model.machine(client).file).collect();
    // A client that asks for nothing of a node has no peer for it.
    let unasked = |finding: &ProofFinding| {
        finding.code == FindingCode::PeerMissing && clients.contains(&finding.place.file)
    };
    let down = model.machine(id).links.iter().filter_map(|link| match link {
        Link::Up(_) => None,
        Link::Down(finding) => Some(ProofFinding::clone(finding)),
    });
    down.filter(|finding| !unasked(finding)).collect()
}

/// Who can call keeps calling: a restarted node is back in 0.2 s instead of 15 s (seen), and the way
/// back through NAT stays open.
fn keepalives(model: &Model, id: MachineId) -> Vec<ProofFinding> {
    let file = model.machine(id).file;
    let silent = model.conf(id).peers.iter().filter(|peer| {
        let calls = peer.endpoint.is_some();
        calls && peer.keepalive.is_none_or(|keepalive| keepalive.value == 0)
    });
    let name = &model.machine(id).name;
    silent
        .map(|peer| {
            let message = format!(
                "{name} calls this peer and does not keep the way open: after a restart they do not meet for 15 s"
            );
            ProofFinding::new(FindingCode::KeepaliveMissing, file.line(peer.public_key.line), message)
        })
        .collect()
}

fn routes(model: &Model, id: MachineId) -> Option<ProofFinding> {
    let missing = !model.is_client(id) && model.conf(id).table_off.is_none();
    let message = "without `Table = off` wg-quick sets a route for each AllowedIPs, and BIRD advertises other nodes' pods as its own";
    let place = model.machine(id).file.whole();
    missing.then(|| ProofFinding::new(FindingCode::RoutesAdvertised, place, message))
}

/// kubelet, the API server and the interface speak of one address, and of one name.
fn files_agree(model: &Model, id: MachineId) -> Vec<ProofFinding> {
    let Some(node) = model.files(id) else { return Vec::new() };
    let address = model.classes.address(model.machine(id).address);
    let kubeadm = &node.kubeadm;
    let mut findings = Vec::new();
    let mut differs = |line, message| {
        findings.push(ProofFinding::new(
            FindingCode::FilesDisagree,
            kubeadm.file.line(line),
            message,
        ));
    };
    if kubeadm.content.node_ip.value != address {
        let told = kubeadm.content.node_ip.value;
        differs(kubeadm.content.node_ip.line, format!("kubelet says {told}, wg0.conf {address}"));
    }
    if let Some(told) = kubeadm.content.advertised.filter(|told| told.value != address) {
        differs(told.line, format!("the API server is told {}, wg0.conf {address}", told.value));
    }
    if kubeadm.content.name.value != node.name {
        let told = &kubeadm.content.name.value;
        differs(
            kubeadm.content.name.line,
            format!("the node is called {told}, its folder {}", node.name),
        );
    }
    findings
}
