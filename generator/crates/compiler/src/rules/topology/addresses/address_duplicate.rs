//! A node's own address belongs to no other machine.

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
    summary: "a node's own address is another machine's",
    explain: "\
Peers send an address to one machine alone. Where two have the same, WireGuard gives it to the peer \
that was set last, without a word: kubelet, etcd and BGP of the other node are out of reach, and which \
of the two that is differs from node to node.

Addresses that follow from ids are distinct; the `address` of a node may collide with one. Leave it out, \
or take one whose number is nobody's id.

Source: wg(8), AllowedIPs.",
    scope: Scope::Present,
    check,
};

/// A machine with its address.
#[derive(Clone, Copy)]
struct Owner<'topology> {
    name: &'topology Name,
    origin: &'topology Route,
    address: Ipv4Addr,
    /// The key that the address comes from: `address` or `id`.
    key: &'static str,
}

fn check(topology: &Topology, findings: &mut Findings) {
    let owners = owners(topology).map(|owner| (owner.address, owner));
    for (later, first) in duplicates(owners) {
        // Where neither names its address the two have one id, and `id-duplicate` reports that.
        let (fault, other) = match (later.key, first.key) {
            ("id", "id") => continue,
            ("id", _) => (first, later),
            _ => (later, first),
        };
        let message =
            format!("`{}` has the address {} of `{}`", fault.name, fault.address, other.name);
        let finding = Finding::new(message, &fault.origin.key("address"), "named here")
            .and(&other.origin.key(other.key), format!("gives `{}` {}", other.name, other.address));
        findings.push(finding.help("leave `address` out, or take one whose number is nobody's id"));
    }
}

fn owners(topology: &Topology) -> impl Iterator<Item = Owner<'_>> {
    let network = &topology.network;
    let nodes = topology.nodes.iter().filter_map(|node| {
        let key = if node.address.is_some() { "address" } else { "id" };
        let address = address::of_node(node, network)?;
        Some(Owner { name: &node.name, origin: &node.origin, address, key })
    });
    let clients = topology.clients.iter().filter_map(|client| {
        let address = address::of_client(client, network)?;
        Some(Owner { name: &client.name, origin: &client.origin, address, key: "id" })
    });
    nodes.chain(clients)
}
