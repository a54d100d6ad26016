//! `AllowedIPs` contain whole machines and whole pools, and no other address: an address that no machine
//! has is one that a peer can take, and a client with a node's address is trusted as a node.

use ipnet::Ipv4Net;

use crate::finding::{FindingCode, ProofFinding};
use crate::model::{MachineId, Model};
use crate::span::FileLine;

pub(super) fn check(model: &Model, id: MachineId) -> Vec<ProofFinding> {
    let conf = model.conf(id);
    // A client may send as much as it likes into the mesh: the firewalls of nodes decide.
    if model.is_client(id) {
        return Vec::new();
    }
    let mut findings = Vec::new();
    for allowed in &conf.allowed {
        let peer = &conf.peers[allowed.peer as usize];
        let place = model.machine(id).file.line(conf.line_of(*allowed));
        let Some(member) = model.owner_of_key(&peer.public_key.value) else { continue };
        // A peer that carries the network of another machine fails flows to it.
        if model.networks.iter().any(|network| network.net == allowed.net) {
            continue;
        }
        if model.is_client(member) {
            let own = Ipv4Net::from(model.classes.address(model.machine(member).address));
            if allowed.net != own {
                findings.push(finding(model, member, allowed.net, place, &own.to_string()));
            }
        } else if !model.is_owned(allowed.net) {
            let whole = "single machines and whole pools";
            findings.push(finding(model, member, allowed.net, place, whole));
        }
    }
    findings
}

fn finding(
    model: &Model,
    member: MachineId,
    net: Ipv4Net,
    place: FileLine,
    wanted: &str,
) -> ProofFinding {
    let name = &model.machine(member).name;
    let message =
        format!("{net} contains addresses that {name} does not have: its AllowedIPs are {wanted}");
    ProofFinding::new(FindingCode::AddressUnowned, place, message)
}
