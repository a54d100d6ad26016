//! Refuses an `address` of a node that another node or client has.

use std::net::Ipv4Addr;

use crate::check::{Findings, Rule, Scope, Theme};
use crate::derive::address;
use crate::diagnostic::{Finding, Severity};
use crate::route::Route;
use crate::topology::Topology;
use crate::topology::member::duplicates;
use meshwright_value::Name;

pub(super) const RULE: Rule<Topology> = Rule {
    code: "address-duplicate",
    severity: Severity::Error,
    theme: Theme::Addresses,
    summary: "the `address` of a node is the address of another node or client",
    explain: "\
Peers send the packets for an address to one node or client only. If two have the same address, \
WireGuard gives it to the peer that was set last, without an error message. kubelet, etcd and BGP of \
the other node cannot be reached, and which of the two is lost differs from node to node.

Addresses that follow from ids are always different, but the `address` of a node may be equal to one of \
them. Leave `address` out, or choose one whose number is not used as an id.

Source: wg(8), AllowedIPs.",
    scope: Scope::Present,
    check,
};

/// The address of a node or client.
#[derive(Clone, Copy)]
struct OwnedAddress<'topology> {
    name: &'topology Name,
    origin: &'topology Route,
    address: Ipv4Addr,
    /// The key that the address follows from: `address` or `id`.
    key: &'static str,
}

fn check(topology: &Topology, findings: &mut Findings) {
    let by_address = owned_addresses(topology).map(|owned| (owned.address, owned));
    for (later, first) in duplicates(by_address) {
        // If both follow from ids, the ids are equal, and `id-duplicate` reports that.
        let (fault, other) = match (later.key, first.key) {
            ("id", "id") => continue,
            ("id", _) => (first, later),
            _ => (later, first),
        };
        let message =
            format!("`{}` has the address {} of `{}`", fault.name, fault.address, other.name);
        let finding = Finding::new(message, &fault.origin.key("address"), "set here")
            .and(&other.origin.key(other.key), format!("gives `{}` {}", other.name, other.address));
        findings.push(
            finding.help("leave `address` out, or choose one whose number is not used as an id"),
        );
    }
}

fn owned_addresses(topology: &Topology) -> impl Iterator<Item = OwnedAddress<'_>> {
    let network = &topology.network;
    let nodes = topology.nodes.iter().filter_map(|node| {
        let key = if node.address.is_some() { "address" } else { "id" };
        let address = address::node_address(node, network)?;
        Some(OwnedAddress { name: &node.name, origin: &node.origin, address, key })
    });
    let clients = topology.clients.iter().filter_map(|client| {
        let address = address::client_address(client, network)?;
        Some(OwnedAddress { name: &client.name, origin: &client.origin, address, key: "id" })
    });
    nodes.chain(clients)
}
