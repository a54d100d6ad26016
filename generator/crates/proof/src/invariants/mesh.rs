//! One machine's interface: no address of two peers, keepalives, no routes that BIRD would learn.

use crate::finding::{FindingCode, ProofFinding};
use crate::model::link::Link;
use crate::model::{MachineId, Model};
use crate::read::wg_quick::{AllowedIp, LONGEST_INTERVAL, WgPeer, late_message};
use crate::span::{FileId, LineSpanned};

pub(super) fn check(
    model: &Model,
    id: MachineId,
    keepalives_of_mesh: Keepalives,
) -> Vec<ProofFinding> {
    let mut findings = claimed_twice(model, id);
    findings.extend(links(model, id));
    findings.extend(keepalives(model, id, keepalives_of_mesh));
    findings.extend(late_keepalives(model, id));
    findings.extend(small_mtu(model, id));
    findings.extend(large_answers(model, id));
    findings.extend(routes(model, id));
    findings.extend(files_agree(model, id));
    findings
}

/// The keepalives of all machines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Keepalives {
    /// At least one machine sends them.
    Sent,
    /// No machine sends any: they were turned off.
    Off,
}

impl Keepalives {
    pub(super) fn of(model: &Model) -> Self {
        let mut peers = model.emitted.confs().flat_map(|conf| &conf.peers);
        if peers.any(|peer| !is_silent(peer)) { Self::Sent } else { Self::Off }
    }
}

fn is_silent(peer: &WgPeer) -> bool {
    peer.keepalive.is_none_or(|keepalive| keepalive.value == 0)
}

/// If two peers claim a prefix, WireGuard gives it to the last one without an error message.
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

/// Links that are down, also those that no flow needs, such as one to a client.
fn links(model: &Model, id: MachineId) -> Vec<ProofFinding> {
    let clients: Vec<_> = model.clients().map(|client| model.machine(client).file).collect();
    // A client has no peer for a node that carries none of its addresses.
    let unasked = |finding: &ProofFinding| {
        finding.code == FindingCode::PeerMissing && clients.contains(&finding.place.file)
    };
    let down = model.machine(id).links.iter().filter_map(|link| match link {
        Link::Up(_) => None,
        Link::Down(finding) => Some(ProofFinding::clone(finding)),
    });
    down.filter(|finding| !unasked(finding)).collect()
}

/// Each end with an endpoint sends keepalives: a restarted node is reached after 0.2 s instead of 15 s
/// (observed with wireguard-go, 2026-11), and the NAT mapping stays open. If both ends can call, there is
/// no mapping, and keepalives may be turned off for the whole mesh.
fn keepalives(model: &Model, id: MachineId, of_mesh: Keepalives) -> Vec<ProofFinding> {
    let file = model.machine(id).file;
    let links = model.conf(id).peers.iter().zip(&model.machine(id).links);
    let silent = links.filter(|(peer, link)| {
        let both_call = match link {
            Link::Up(tunnel) => model.endpoint(tunnel.to, tunnel.back).is_some(),
            Link::Down(_) => false,
        };
        let may_be_silent = of_mesh == Keepalives::Off && both_call;
        is_silent(peer) && peer.endpoint.is_some() && !may_be_silent
    });
    let name = &model.machine(id).name;
    silent
        .map(|(peer, _)| {
            let message = format!(
                "{name} sends no keepalives to this peer: after a restart it is not reached for 15 s"
            );
            ProofFinding::new(FindingCode::KeepaliveMissing, file.line(peer.public_key.line), message)
        })
        .collect()
}

/// After a longer interval, a NAT drops the packets of the peer until this machine sends again.
fn late_keepalives(model: &Model, id: MachineId) -> Vec<ProofFinding> {
    let file = model.machine(id).file;
    let intervals = model.conf(id).peers.iter().filter_map(|peer| peer.keepalive);
    let late = intervals.filter(|interval| interval.value > LONGEST_INTERVAL);
    let found = late.map(|interval| {
        let message = late_message(interval.value);
        ProofFinding::new(FindingCode::KeepaliveMissing, file.line(interval.line), message)
    });
    found.collect()
}

/// The smallest MTU, in bytes: every host of IPv4 accepts packets of this size (RFC 791, section 3.1), and
/// Linux removes IPv4 from an interface below 68.
const SMALLEST_MTU: u16 = 576;

/// The MTU of an interface that carries no usable packets, although all of them would fit.
fn small_mtu(model: &Model, id: MachineId) -> Option<ProofFinding> {
    let mtu = model.conf(id).mtu.filter(|mtu| mtu.value < SMALLEST_MTU)?;
    Some(too_small(mtu, model.machine(id).file))
}

/// The same of the interfaces of pods.
pub(super) fn small_mtu_of_pods(model: &Model) -> Option<ProofFinding> {
    let installation = &model.emitted.installation;
    let mtu = installation.content.mtu;
    (mtu.value < SMALLEST_MTU).then(|| too_small(mtu, installation.file))
}

/// The answers of a client that is called fit into the mesh. No other flow has their size.
fn large_answers(model: &Model, id: MachineId) -> Option<ProofFinding> {
    let smallest = model.nodes().map(|node| model.mtu(node)).min()?;
    let own = model.mtu(id);
    if !model.is_server(id) || own <= smallest {
        return None;
    }
    let machine = model.machine(id);
    let message = format!(
        "{} answers with packets of {own} bytes, and the MTU of the mesh is {smallest}",
        machine.name
    );
    let line = model.conf(id).mtu.map_or(0, |mtu| mtu.line);
    Some(ProofFinding::new(FindingCode::PacketTooLarge, machine.file.line(line), message))
}

fn too_small(mtu: LineSpanned<u16>, file: FileId) -> ProofFinding {
    let message = format!(
        "an MTU of {} bytes: each host of IPv4 must be able to send {SMALLEST_MTU}",
        mtu.value
    );
    ProofFinding::new(FindingCode::PacketTooLarge, file.line(mtu.line), message)
}

fn routes(model: &Model, id: MachineId) -> Option<ProofFinding> {
    let file = model.machine(id).file;
    match (model.is_client(id), model.conf(id).table_off) {
        (false, None) => {
            let message = "without `Table = off` wg-quick adds a route for each AllowedIPs, and BIRD advertises other nodes' pods as its own";
            Some(ProofFinding::new(FindingCode::RoutesAdvertised, file.whole(), message))
        }
        (true, Some(off)) => {
            let message = "with `Table = off` wg-quick adds no routes: packets for the mesh take the default route";
            Some(ProofFinding::new(FindingCode::LeavesInClear, file.line(off.line), message))
        }
        _ => None,
    }
}

/// kubelet, the API server and the interface have the same address and name.
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
        let node_ip = kubeadm.content.node_ip;
        let message = format!("kubelet has the address {}, wg0.conf has {address}", node_ip.value);
        differs(node_ip.line, message);
    }
    let advertised = kubeadm.content.advertised;
    if let Some(other) = advertised.filter(|advertised| advertised.value != address) {
        let message =
            format!("the API server has the address {}, wg0.conf has {address}", other.value);
        differs(other.line, message);
    }
    if kubeadm.content.name.value != node.name {
        let name = &kubeadm.content.name.value;
        differs(
            kubeadm.content.name.line,
            format!("the node's name is {name}, its folder is {}", node.name),
        );
    }
    findings
}
