//! The sizes up to which a tree is examined. A tree that divides addresses or packets into thousands of parts
//! would take any time and memory; it is refused at the line that does.

use std::collections::BTreeMap;

use ipnet::Ipv4Net;

use super::address_class::AddressClasses;
use super::firewall::TooManyParts;
use crate::finding::{FindingCode, ProofFinding};
use crate::read::tree::EmittedTree;
use crate::span::{FileId, FileLine};

/// The most address classes of one pool. Packets are sent between the classes of each two pools. An emitted
/// pool is one class.
const MOST_PARTS_OF_POOL: usize = 32;

/// Refuses a firewall.
pub(super) fn firewall(file: FileId, parts: &TooManyParts) -> ProofFinding {
    let TooManyParts { line, of } = parts;
    let message =
        format!("with this rule, the firewall divides {of} into too many parts to examine");
    ProofFinding::new(FindingCode::NotUnderstood, file.line(*line), message)
}

/// Refuses pools that are divided into too many parts, at the first line of the file that divides them most.
pub(super) fn pools(
    emitted: &EmittedTree,
    classes: &AddressClasses,
) -> Result<(), Vec<ProofFinding>> {
    let pools = emitted.pools().map(|(pool, _)| pool.cidr.value);
    let divided = pools.filter(|pool| classes.range(*pool).len() > MOST_PARTS_OF_POOL);
    let findings: Vec<_> = divided
        .filter_map(|pool| {
            let place = divider(emitted, pool)?;
            let message = format!(
                "this file divides the pool {pool} into more than {MOST_PARTS_OF_POOL} parts: they are not examined"
            );
            Some(ProofFinding::new(FindingCode::NotUnderstood, place, message))
        })
        .collect();
    if findings.is_empty() { Ok(()) } else { Err(findings) }
}

/// The first line inside a pool, in the file with most such lines.
fn divider(emitted: &EmittedTree, pool: Ipv4Net) -> Option<FileLine> {
    let mut places: BTreeMap<FileId, (usize, FileLine)> = BTreeMap::new();
    let mut count = |place: FileLine, parts: usize| {
        let known = places.entry(place.file).or_insert((0, place));
        known.0 += parts;
    };
    let is_inside = |net: Ipv4Net| pool.contains(&net) && net != pool;
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
    let bounds = [pool.network(), pool.broadcast()].map(|address| u128::from(u32::from(address)));
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
