//! Refuses an `address` of a node that is not a host address of the node subnet.

use crate::check::{Findings, Rule, Scope, Theme};
use crate::diagnostic::{Finding, Fix, Severity};
use crate::topology::Topology;

pub(super) const RULE: Rule<Topology> = Rule {
    code: "address-outside-subnet",
    severity: Severity::Error,
    theme: Theme::Addresses,
    summary: "the `address` of a node is not a host address of the node subnet",
    explain: "\
wg0 has the address with the prefix length of `network.node_subnet`, and BIRD resolves the next hops of \
pod routes through that connected route. A node whose address is outside the subnet is not a valid next \
hop: its pods are `unreachable` on all other nodes. The firewall would also treat its packets as \
packets from outside the mesh. The first and the last address of the subnet are not host addresses.

Choose a free address of the subnet, or leave `address` out: it then follows from the id.

Source: Calico's bird.cfg template (`gateway recursive`); projectcalico/calico#11596.",
    scope: Scope::Present,
    check,
};

fn check(topology: &Topology, findings: &mut Findings) {
    let subnet = topology.network.node_subnet;
    for node in &topology.nodes {
        let Some(address) = node.address.map(|address| address.get()) else { continue };
        let label = match address {
            _ if !subnet.contains_address(address) => "outside the subnet",
            _ if address == subnet.network() => "the first address is not a host address",
            _ if address == subnet.net().broadcast() => "the last address is not a host address",
            _ => continue,
        };
        let message =
            format!("the address {address} of `{}` is not a host address of {subnet}", node.name);
        let at = node.origin.key("address");
        let finding = Finding::new(message, &at, label).and(
            &topology.network.origin.key("node_subnet"),
            format!("`network.node_subnet` is {subnet}"),
        );
        findings.push(finding.fix(Fix::default(&at, "it then follows from the id")));
    }
}
