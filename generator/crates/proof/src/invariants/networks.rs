//! Networks behind machines of the mesh: all nodes state the same ones, and the machine that forwards to one opens
//! nothing else.

use crate::admission::admit_through;
use crate::exposure::describe;
use crate::finding::{FindingCode, ProofFinding};
use crate::model::packet::ConntrackState;
use crate::model::{MachineId, Model};
use crate::read::nftables::{Hook, Interface, Ruleset};
use crate::read::node_json::StatedNetwork;
use crate::space::{Dimension, Ranges, Region, subtract_all};
use crate::span::FileLine;

/// The `networks` of every `node.json`.
pub(super) fn shared(model: &Model) -> Vec<ProofFinding> {
    let mut nodes = model.emitted.nodes.iter();
    let Some(first) = nodes.next() else { return Vec::new() };
    let right = &first.json.content.networks;
    let mut findings: Vec<_> = right
        .iter()
        .filter(|network| model.find(&network.via).is_none())
        .map(|network| {
            let place = first.json.file.line(network.name.line);
            let message = format!(
                "the network {} is behind {}, and no machine has this name",
                network.name.value, network.via
            );
            ProofFinding::new(FindingCode::FilesDisagree, place, message)
        })
        .collect();
    for node in nodes {
        let stated = &node.json.content.networks;
        let differs = |one: &&StatedNetwork| !right.iter().any(|other| one.agrees(other));
        let place = match stated.iter().find(differs) {
            Some(other) => node.json.file.line(other.name.line),
            None if stated.len() != right.len() => node.json.file.whole(),
            None => continue,
        };
        let message = format!("the networks differ from those in nodes/{}/node.json", first.name);
        findings.push(ProofFinding::new(FindingCode::FilesDisagree, place, message));
    }
    findings
}

/// The firewall of a machine that forwards to networks.
pub(super) fn check(model: &Model, id: MachineId) -> Vec<ProofFinding> {
    let behind: Ranges = ranges(model.networks_behind(id).map(|network| network.net.into()));
    let Some((firewall, file)) = model.machine(id).firewall().filter(|_| !behind.is_empty()) else {
        return Vec::new();
    };
    let ruleset = &*model.firewalls[firewall].ruleset;
    let name = &model.machine(id).name;
    let finding = |line: Option<u32>, message| {
        let place: FileLine = file.line(line.unwrap_or(0));
        ProofFinding::new(FindingCode::FirewallAdmits, place, message)
    };
    let mut findings = Vec::new();
    for (region, line) in forwarded(model, ruleset, &behind) {
        let message = format!(
            "{name} forwards from the mesh what no network behind it has: {}",
            describe(&region.without(&[Dimension::Source4]))
        );
        findings.push(finding(line, message));
    }
    if !model.is_client(id) {
        for (region, line) in own_ports(ruleset, &behind) {
            let message = format!(
                "pods reach BGP or etcd of {name} at its address in the network behind it: {}",
                describe(&region.without(&[Dimension::Source4]))
            );
            findings.push(finding(line, message));
        }
    }
    findings.dedup_by(|one, other| one.place == other.place);
    findings
}

fn ranges(all: impl Iterator<Item = Ranges>) -> Ranges {
    all.flat_map(|ranges| ranges.iter().collect::<Vec<_>>()).collect()
}

/// New packets from the mesh.
fn from_mesh(ruleset: &Ruleset) -> Region {
    Region::everything()
        .within(Dimension::InInterface, &ruleset.interfaces.of(Interface::Mesh))
        .within(Dimension::Family, &Ranges::one(4))
        .within(Dimension::State, &Ranges::one(ConntrackState::New as u128))
}

/// What a machine forwards from nodes besides packets for the mesh, for Services, and for the networks behind it. The
/// reach of clients is another invariant.
fn forwarded(model: &Model, ruleset: &Ruleset, behind: &Ranges) -> Vec<(Region, Option<u32>)> {
    let clients = model.clients().map(|id| {
        let address = u32::from(model.classes.address(model.machine(id).address)).into();
        (address, address)
    });
    let others = clients.collect::<Ranges>().complement(Dimension::Source4.largest());
    let start = from_mesh(ruleset)
        .within(Dimension::Source4, &others)
        .within(Dimension::Translated, &Ranges::one(0));
    let through = admit_through(ruleset, &[Hook::Prerouting, Hook::Forward], vec![start]);
    let allowed = [model.ours(), behind.clone()];
    let allowed = allowed.map(|to| Region::everything().within(Dimension::Destination4, &to));
    let further = through.admitted.into_iter().flat_map(|one| {
        let beyond = subtract_all(vec![one.region], &allowed).into_iter();
        beyond.map(move |region| (region, one.line))
    });
    further.collect()
}

/// BGP and etcd at this host's own addresses in the networks: pods come there under the address of their node.
fn own_ports(ruleset: &Ruleset, behind: &Ranges) -> Vec<(Region, Option<u32>)> {
    let ports = [(179, 179), (2379, 2380)].into_iter().collect();
    let start = from_mesh(ruleset)
        .within(Dimension::Destination4, behind)
        .within(Dimension::Protocol, &Ranges::one(6))
        .within(Dimension::DestinationPort, &ports);
    let through = admit_through(ruleset, &[Hook::Prerouting, Hook::Input], vec![start]);
    through.admitted.into_iter().map(|one| (one.region, one.line)).collect()
}
