//! A node's own pod block belongs to no other node.

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
    summary: "two nodes' pod blocks overlap",
    explain: "\
A pod's address says on which node it runs: each node's peers send a block to that node alone. Where \
two blocks overlap, WireGuard gives the addresses to the peer that was set last, without a word, and \
half of the pods are out of reach from some nodes. Calico would mark one of the two pools as not \
allocatable.

Blocks that follow from ids never overlap; a `pod_subnet` of a node may. Leave it out, or take a block \
whose number is no node's id.

Sources: wg(8), AllowedIPs; Calico, condition `Allocatable` of IPPool.",
    scope: Scope::Present,
    check,
};

/// A node with its block.
type Owner<'topology> = (&'topology Node, Subnet);

fn check(topology: &Topology, findings: &mut Findings) {
    for (node, others) in overlapping(topology) {
        findings.push(finding(node, &others));
    }
}

/// By the id of the node whose own block is at fault: that node, and whom it collides with.
fn overlapping(topology: &Topology) -> Vec<(Owner<'_>, Vec<Owner<'_>>)> {
    let mut owners = owners(topology);
    owners.sort_by_key(|(_, block)| (block.network(), block.prefix_len()));
    let mut faults: BTreeMap<&Route, (Owner<'_>, Vec<Owner<'_>>)> = BTreeMap::new();
    let mut widest: Option<Owner<'_>> = None;
    for owner in owners {
        match widest.filter(|(_, block)| block.contains(&owner.1)) {
            None => widest = Some(owner),
            Some(cover) => {
                let Some((fault, other)) = blame(cover, owner) else { continue };
                faults.entry(&fault.0.origin).or_insert((fault, Vec::new())).1.push(other);
            }
        }
    }
    faults.into_values().collect()
}

fn owners(topology: &Topology) -> Vec<Owner<'_>> {
    let blocks = topology.nodes.iter().filter_map(|node| {
        let block = address::pod_block(node, &topology.network)?;
        let counts = node.pod_subnet.is_none_or(pod_subnet_size::is_valid);
        counts.then_some((node, block))
    });
    blocks.collect()
}

/// Of two owners the one at fault: the one that names its block, of two the later one. Where
/// neither does, the two have one id, and `id-duplicate` reports that.
fn blame<'a>(one: Owner<'a>, other: Owner<'a>) -> Option<(Owner<'a>, Owner<'a>)> {
    match (one.0.pod_subnet.is_some(), other.0.pod_subnet.is_some()) {
        (true, true) if one.0.origin < other.0.origin => Some((other, one)),
        (true, _) => Some((one, other)),
        (false, true) => Some((other, one)),
        (false, false) => None,
    }
}

fn finding((node, block): Owner<'_>, others: &[Owner<'_>]) -> Finding {
    let names: Vec<_> = others.iter().map(|(other, _)| &other.name).collect();
    let message = format!(
        "the pod block {block} of `{}` overlaps that of {}",
        node.name,
        list(&names, "and")
    );
    let mut finding = Finding::new(message, &node.origin.key("pod_subnet"), "named here");
    for (other, block) in others.iter().take(NAMED) {
        let key = if other.pod_subnet.is_some() { "pod_subnet" } else { "id" };
        finding = finding.and(&other.origin.key(key), format!("gives `{}` {block}", other.name));
    }
    finding.help("leave `pod_subnet` out, or take a block whose number is no node's id")
}
