//! In every order of boot and after every failure, no packet of the mesh leaves by the default route.
//!
//! The route guards and the egress chain both prevent it, and each must be sufficient alone: an
//! `ip route flush` removes one, an `nft flush ruleset` the other.

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;

use crate::admission::{admit, admit_through};
use crate::exposure;
use crate::finding::{FindingCode, ProofFinding};
use crate::model::packet::ConntrackState;
use crate::model::routing::{RouteConditions, RouteTarget};
use crate::model::{LINK_LOCAL, MachineId, Model};
use crate::read::nftables::{Hook, Interface};
use crate::read::routes::RouteKind;
use crate::space::{Dimension, Ranges, Region, subtract_all};

pub(super) fn check(model: &Model, id: MachineId) -> Vec<ProofFinding> {
    let mut findings = egress(model, id);
    findings.extend(loopback(model, id));
    findings.extend(guards(model, id));
    findings.extend(volumes(model, id));
    findings
}

/// No packet for such an address passes the egress chain to a public interface.
fn egress(model: &Model, id: MachineId) -> Vec<ProofFinding> {
    let Some(node) = model.files(id) else { return Vec::new() };
    let ruleset = &*node.firewall.content;
    let leaving = Region::everything()
        .within(Dimension::Family, &Ranges::one(4))
        .within(Dimension::OutInterface, &ruleset.interfaces.of(Interface::Public));
    let mut findings = Vec::new();
    for net in ours(model, id) {
        let start = leaving.clone().within(Dimension::Destination4, &Ranges::from(net));
        let passing = admit(ruleset, Hook::Postrouting.into(), vec![start]).admitted;
        if let Some(first) = passing.first() {
            let place = node.firewall.file.line(first.line.unwrap_or(0));
            let message = format!(
                "no chain at postrouting drops packets for {net} that would leave unencrypted"
            );
            findings.push(ProofFinding::new(FindingCode::GuardMissing, place, message));
        }
    }
    findings
}

/// A host accepts packets from itself: health checks, the local API, DNS caches.
fn loopback(model: &Model, id: MachineId) -> Option<ProofFinding> {
    let node = model.files(id)?;
    let families = [(4, 4), (6, 6)].into_iter().collect();
    let lo = node.firewall.content.interfaces.of(Interface::Loopback);
    let to_itself = Region::everything()
        .within(Dimension::InInterface, &lo)
        .within(Dimension::OutInterface, &lo)
        .within(Dimension::Family, &families)
        .within(Dimension::State, &ConntrackState::valid());
    let hooks = [Hook::Output, Hook::Postrouting, Hook::Prerouting, Hook::Input];
    let received = admit_through(&node.firewall.content, &hooks, vec![to_itself]);
    let first = received.dropped.first()?;
    let message =
        format!("{} drops packets from itself: {}", node.name, exposure::describe(&first.region));
    let place = node.firewall.file.line(first.line.unwrap_or(0));
    Some(ProofFinding::new(FindingCode::FirewallDrops, place, message))
}

/// iSCSI (RFC 7143, 4.2.1) of a host's volumes at Oracle: root reaches it, and other users do not.
fn volumes(model: &Model, id: MachineId) -> Option<ProofFinding> {
    let node = model.files(id).filter(|node| node.json.content.volumes_for_root)?;
    let ruleset = &*node.firewall.content;
    let to_volumes = Region::everything()
        .within(Dimension::Family, &Ranges::one(4))
        .within(Dimension::OutInterface, &ruleset.interfaces.of(Interface::Public))
        .within(Dimension::Protocol, &Ranges::one(6))
        .within(Dimension::DestinationPort, &Ranges::one(3260))
        .within(Dimension::State, &ConntrackState::valid());
    let to = |nets: &[Ipv4Net]| {
        let starts = nets
            .iter()
            .map(|net| to_volumes.clone().within(Dimension::Destination4, &Ranges::from(*net)));
        starts.collect::<Vec<_>>()
    };
    let place = |line: Option<u32>| node.firewall.file.line(line.unwrap_or(0));
    // A rule for one user matches none of the packets of others.
    let mut of_others = ruleset.clone();
    for chain in &mut of_others.chains {
        chain.rules.retain(|rule| !rule.partial);
    }
    if let Some(first) = admit(&of_others, Hook::Output.into(), to(&[LINK_LOCAL])).admitted.first()
    {
        let message = format!("every user of {} reaches its volumes, at port 3260", node.name);
        return Some(ProofFinding::new(FindingCode::GuardMissing, place(first.line), message));
    }
    let reached = admit(ruleset, Hook::Output.into(), to(&VOLUMES)).admitted;
    let open: Vec<_> = reached.into_iter().map(|one| one.region).collect();
    let closed = subtract_all(to(&VOLUMES), &open);
    let first = closed.first()?;
    let message =
        format!("root of {} does not reach its volumes: {}", node.name, exposure::describe(first));
    Some(ProofFinding::new(FindingCode::FirewallDrops, place(None), message))
}

/// Boot and block volumes at Oracle (the chain `InstanceServices` of its images).
const VOLUMES: [Ipv4Net; 3] = [
    Ipv4Net::new_assert(Ipv4Addr::new(169, 254, 0, 2), 32),
    Ipv4Net::new_assert(Ipv4Addr::new(169, 254, 2, 0), 24),
    Ipv4Net::new_assert(Ipv4Addr::new(169, 254, 4, 0), 23),
];

/// Mesh, pod and service addresses, and those of networks behind other machines.
fn ours(model: &Model, id: MachineId) -> Vec<Ipv4Net> {
    let (cluster, _) = model.cluster();
    let mesh = model.conf(id).address.map(|address| address.value.trunc());
    let elsewhere = model.networks.iter().filter(|network| !model.is_beside(id, network));
    mesh.into_iter()
        .chain([cluster.pod_subnet.value, cluster.service_subnet.value])
        .chain(elsewhere.map(|network| network.net))
        .collect()
}

/// In every state of a booting or failing host, each address of pods and nodes is routed into the
/// mesh, to a pod of the host, or is unreachable. Services are excluded: their packets are translated
/// first.
fn guards(model: &Model, id: MachineId) -> Option<ProofFinding> {
    let (cluster, _) = model.cluster();
    let mesh = model.conf(id).address.map(|address| address.value.trunc());
    let nets = mesh.into_iter().chain([cluster.pod_subnet.value]);
    let classes: Vec<_> = nets.flat_map(|net| model.classes.within(net)).collect();
    for when in states() {
        let table = model.routes_when(id, when)?;
        let leaking =
            classes.iter().find(|class| table.route(**class).target == RouteTarget::Public);
        if let Some(class) = leaking {
            let address = model.classes.address(*class);
            let state = describe(when);
            let message = format!(
                "{state}, {} routes {address} by the default route: a guard of `proto static` is missing",
                model.machine(id).name
            );
            let guards = &model.emitted.guards;
            let near = guards.content.iter().find(|guard| guard.net.contains(&address));
            let place = guards.file.line(near.map_or(0, |guard| guard.line));
            return Some(ProofFinding::new(FindingCode::GuardMissing, place, message));
        }
    }
    None
}

/// The guards are loaded before wg0. BIRD's routes and the static routes can be missing.
fn states() -> [RouteConditions; 4] {
    [(false, true), (false, false), (true, true), (true, false)]
        .map(|(mesh, bird)| RouteConditions { mesh, bird, statics: false, guards: true })
}

fn describe(when: RouteConditions) -> String {
    let is = |up| if up { "with" } else { "without" };
    format!("{} the interface and {} BIRD's routes", is(when.mesh), is(when.bird))
}

/// The units and scripts that load the firewall and the keys, as far as they are read.
pub(super) fn units(model: &Model) -> Vec<ProofFinding> {
    let mut findings = Vec::new();
    let firewall = &model.emitted.firewall_unit;
    for setting in &firewall.content {
        let harms = setting.name.starts_with("ExecStop");
        let is_first = setting.name == "ExecStartPre" && setting.value == LOADS_THE_LAST;
        let loads = setting.name.starts_with("Exec") && setting.value != LOADS && !is_first;
        if harms || loads {
            let place = firewall.file.line(setting.line);
            let message = format!("`{}={}` is not understood", setting.name, setting.value);
            findings.push(ProofFinding::new(FindingCode::UnitMisbehaves, place, message));
        }
    }
    let guards = &model.emitted.guards;
    for guard in guards.content.iter().filter(|guard| guard.kind != RouteKind::Unreachable) {
        let message = "a route guard is not `unreachable`";
        findings.push(ProofFinding::new(
            FindingCode::GuardMissing,
            guards.file.line(guard.line),
            message,
        ));
    }
    if !model.emitted.script_keeps_key.content {
        let place = model.emitted.script_keeps_key.file.whole();
        let message = "wg syncconf removes the private key if its input has no PrivateKey: every link goes down";
        findings.push(ProofFinding::new(FindingCode::UnitMisbehaves, place, message));
    }
    findings
}

const LOADS: &str = "/usr/sbin/nft -f /etc/meshwright/nftables.conf";

/// The last file that was loaded: a copy of a delivered one. Only the file itself is proven.
const LOADS_THE_LAST: &str = "-/usr/sbin/nft -f /var/lib/meshwright/nftables.conf";
