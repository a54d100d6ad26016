//! Refuses a `pod_subnet` of a node that overlaps the pod block of another node.

use std::collections::BTreeMap;

use super::pod_subnet_size;
use crate::check::{Findings, Rule, Scope, Theme};
use crate::derive::address;
use crate::diagnostic::wording::{NAMED, list};
use crate::diagnostic::{Finding, Severity};
use crate::route::Route;
use crate::topology::{Node, Topology};
use meshwright_value::Subnet;

pub(super) const RULE: Rule<Topology> = Rule {
    code: "pod-subnet-overlap",
    severity: Severity::Error,
    theme: Theme::Addresses,
    summary: "the pod blocks of two nodes overlap",
    explain: "\
The address of a pod shows on which node it runs: peers send all packets for a block to one node. If \
two blocks overlap, WireGuard gives the shared addresses to the peer that was set last, without an \
error message: some pods cannot be reached from some nodes. Calico would mark one of the two pools as \
not allocatable.

Blocks that follow from ids never overlap, but the `pod_subnet` of a node may overlap one of them. \
Leave it out, or choose a block whose number is not the id of a node.

Sources: wg(8), AllowedIPs; Calico, condition `Allocatable` of IPPool.",
    scope: Scope::Present,
    check,
};

/// A node with its pod block.
type OwnedBlock<'topology> = (&'topology Node, Subnet);

fn check(topology: &Topology, findings: &mut Findings) {
    for (node, others) in overlapping(topology) {
        findings.push(finding(node, &others));
    }
}

/// Each node whose `pod_subnet` is at fault, with the nodes whose blocks it overlaps.
fn overlapping(topology: &Topology) -> Vec<(OwnedBlock<'_>, Vec<OwnedBlock<'_>>)> {
    let mut blocks = owned_blocks(topology);
    blocks.sort_by_key(|(_, block)| (block.network(), block.prefix_len()));
    let mut faults: BTreeMap<&Route, (OwnedBlock<'_>, Vec<OwnedBlock<'_>>)> = BTreeMap::new();
    let mut widest: Option<OwnedBlock<'_>> = None;
    for owned in blocks {
        match widest.filter(|(_, block)| block.contains(&owned.1)) {
            None => widest = Some(owned),
            Some(cover) => {
                let Some((fault, other)) = blame(cover, owned) else { continue };
                faults.entry(&fault.0.origin).or_insert((fault, Vec::new())).1.push(other);
            }
        }
    }
    faults.into_values().collect()
}

fn owned_blocks(topology: &Topology) -> Vec<OwnedBlock<'_>> {
    let blocks = topology.nodes.iter().filter_map(|node| {
        let block = address::pod_block(node, &topology.network)?;
        let is_valid = node.pod_subnet.is_none_or(pod_subnet_size::is_valid);
        is_valid.then_some((node, block))
    });
    blocks.collect()
}

/// The node at fault, then the other one. The node that sets `pod_subnet` is at fault; if both do,
/// the later one. If neither does, the ids are equal, and `id-duplicate` reports that.
fn blame<'a>(
    one: OwnedBlock<'a>,
    other: OwnedBlock<'a>,
) -> Option<(OwnedBlock<'a>, OwnedBlock<'a>)> {
    match (one.0.pod_subnet.is_some(), other.0.pod_subnet.is_some()) {
        (true, true) if one.0.origin < other.0.origin => Some((other, one)),
        (true, _) => Some((one, other)),
        (false, true) => Some((other, one)),
        (false, false) => None,
    }
}

fn finding((node, block): OwnedBlock<'_>, others: &[OwnedBlock<'_>]) -> Finding {
    let names: Vec<_> = others.iter().map(|(other, _)| &other.name).collect();
    let message = format!(
        "the pod block {block} of `{}` overlaps the block of {}",
        node.name,
        list(&names, "and")
    );
    let mut finding = Finding::new(message, &node.origin.key("pod_subnet"), "set here");
    for (other, block) in others.iter().take(NAMED) {
        let key = if other.pod_subnet.is_some() { "pod_subnet" } else { "id" };
        finding = finding.and(&other.origin.key(key), format!("gives `{}` {block}", other.name));
    }
    finding.help("leave `pod_subnet` out, or choose a block whose number is not the id of a node")
}
