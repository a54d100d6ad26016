//! A node's own address is a host of the node subnet.

use crate::check::{Findings, Rule, Scope, Theme};
use crate::diagnostic::{Finding, Fix, Severity};
use crate::topology::Topology;

pub(super) const RULE: Rule<Topology> = Rule {
    code: "address-outside-subnet",
    severity: Severity::Error,
    theme: Theme::Addresses,
    summary: "a node's own address is no host of the node subnet",
    explain: "\
wg0 carries the address with the prefix of `network.node_subnet`, and BIRD resolves the next hops of \
pod routes through that connected route. A node whose address lies outside is no next hop: its pods are \
`unreachable` on all other nodes. The firewall would also take its packets for a stranger's. The first \
and the last address of the subnet belong to no host.

Take a free address of the subnet, or leave `address` out: it follows from the id.

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
            _ if address == subnet.network() => "the first address belongs to no host",
            _ if address == subnet.net().broadcast() => "the last address belongs to no host",
            _ => continue,
        };
        let message = format!("the address {address} of `{}` is no host of {subnet}", node.name);
        let at = node.origin.key("address");
        let finding = Finding::new(message, &at, label).and(
            &topology.network.origin.key("node_subnet"),
            format!("`network.node_subnet` is {subnet}"),
        );
        findings.push(finding.fix(Fix::default(&at, "it follows from the id")));
    }
}
