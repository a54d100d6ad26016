//! The sizes up to which a tree is examined. A tree that divides addresses or packets into thousands of parts
//! would take any time and memory; it is refused at the line that does.

use std::collections::BTreeMap;

use ipnet::Ipv4Net;

use super::address_class::AddressClasses;
use super::firewall::TooManyParts;
use crate::finding::{FindingCode, ProofFinding};
use crate::read::tree::EmittedTree;
use crate::span::{FileId, FileLine};

/// The most address classes of one pool, and of the service subnet. Packets are sent between the classes of
/// each two pools. In emitted trees, they have one class each.
const MOST_PARTS: usize = 32;

/// Refuses a firewall.
pub(super) fn firewall(file: FileId, parts: &TooManyParts) -> ProofFinding {
    let TooManyParts { line, of } = parts;
    let message =
        format!("with this rule, the firewall divides {of} into too many parts to examine");
    ProofFinding::new(FindingCode::NotUnderstood, file.line(*line), message)
}

/// Refuses pools and a service subnet that are divided into too many parts, at the first line of the file
/// that divides them most.
pub(super) fn subnets(
    emitted: &EmittedTree,
    services: Ipv4Net,
    classes: &AddressClasses,
) -> Result<(), Vec<ProofFinding>> {
    let subnets = emitted.pools().map(|(pool, _)| pool.cidr.value).chain([services]);
    let divided = subnets.filter(|subnet| classes.range(*subnet).len() > MOST_PARTS);
    let findings: Vec<_> = divided
        .filter_map(|subnet| {
            let place = divider(emitted, subnet)?;
            let message = format!(
                "this file divides {subnet} into more than {MOST_PARTS} parts, which are not examined"
            );
            Some(ProofFinding::new(FindingCode::NotUnderstood, place, message))
        })
        .collect();
    if findings.is_empty() { Ok(()) } else { Err(findings) }
}

/// The first line inside a subnet, in the file with most such lines.
fn divider(emitted: &EmittedTree, subnet: Ipv4Net) -> Option<FileLine> {
    let mut places: BTreeMap<FileId, (usize, FileLine)> = BTreeMap::new();
    let mut count = |place: FileLine, parts: usize| {
        let known = places.entry(place.file).or_insert((0, place));
        known.0 += parts;
    };
    let is_inside = |net: Ipv4Net| subnet.contains(&net) && net != subnet;
    for (other, file) in emitted.pools().filter(|(other, _)| is_inside(other.cidr.value)) {
        count(file.line(other.cidr.line), 1);
    }
    let nodes = emitted.nodes.iter().map(|node| &node.conf);
    for conf in nodes.chain(emitted.clients.iter().map(|client| &client.conf)) {
        let inside = conf.content.allowed.iter().filter(|allowed| is_inside(allowed.net));
        inside.for_each(|allowed| count(conf.file.line(conf.content.line_of(*allowed)), 1));
    }
    let routes = emitted.nodes.iter().map(|node| &node.routes).chain([&emitted.guards]);
    for file in routes {
        let inside = file.content.iter().filter(|route| is_inside(route.net));
        inside.for_each(|route| count(file.file.line(route.line), 1));
    }
    let bounds =
        [subnet.network(), subnet.broadcast()].map(|address| u128::from(u32::from(address)));
    for node in &emitted.nodes {
        for rule in node.firewall.content.chains.iter().flat_map(|chain| &chain.rules) {
            let addresses = rule.region.iter().filter(|(dimension, _)| dimension.is_address4());
            let ranges = addresses.flat_map(|(_, ranges)| ranges.iter());
            let inside = ranges.filter(|range| bounds[0] < range.0 && range.1 < bounds[1]).count();
            if inside > 0 {
                count(node.firewall.file.line(rule.line), inside);
            }
        }
    }
    let most = places.into_values().max_by_key(|(parts, _)| *parts);
    most.map(|(_, place)| place)
}
