//! Refuses an id that has no host address in the node subnet.

use crate::check::{Findings, Rule, Scope, Theme};
use crate::derive::address;
use crate::diagnostic::{Finding, Severity};
use crate::topology::Topology;
use crate::topology::member::members;
use meshwright_value::Subnet;

pub(super) const RULE: Rule<Topology> = Rule {
    code: "id-outside-subnet",
    severity: Severity::Error,
    theme: Theme::Addresses,
    summary: "an id has no host address in the node subnet",
    explain: "\
The mesh address of a node or client is its id, counted from the start of `network.node_subnet`. The \
first and the last address of the subnet are not host addresses. An id beyond the last host address has \
no address: this node or client could not join the mesh.

Choose an id in the range that the help shows, or give `node_subnet` a shorter prefix before the \
cluster exists. Or set the `address` of the node: the id then only selects its pod block.",
    scope: Scope::Present,
    check,
};

fn check(topology: &Topology, findings: &mut Findings) {
    let network = &topology.network;
    let nodes = topology.nodes.iter().map(|node| address::node_address(node, network));
    let clients = topology.clients.iter().map(|client| address::client_address(client, network));
    let addresses = nodes.chain(clients);
    for (member, _) in members(topology).zip(addresses).filter(|(_, address)| address.is_none()) {
        let subnet = network.node_subnet;
        let message =
            format!("the id {} of `{}` has no address in {subnet}", member.id, member.name);
        let finding =
            Finding::new(message, &member.origin.key("id"), "above the last host address").and(
                &network.origin.key("node_subnet"),
                format!("`network.node_subnet` is {subnet}"),
            );
        findings.push(finding.help(help(subnet)));
    }
}

fn help(subnet: Subnet) -> String {
    match last_id(subnet) {
        0 => format!("{subnet} has no host address: give `node_subnet` a shorter prefix"),
        last => format!("ids from 1 to {last} have an address in {subnet}"),
    }
}

/// The highest id that has a host address. The network and broadcast addresses are not host addresses.
fn last_id(subnet: Subnet) -> u32 {
    u32::MAX.checked_shr(subnet.prefix_len().into()).unwrap_or(0).saturating_sub(1)
}

#[cfg(test)]
mod tests {
    use super::{Subnet, last_id};

    #[test]
    fn ids_end_before_broadcast() {
        let table = [(8, 16_777_214), (24, 254), (29, 6), (30, 2), (31, 0), (32, 0)];
        for (prefix_len, last) in table {
            assert_eq!(last_id(Subnet::from_parts(10, 0, 0, 0, prefix_len)), last, "/{prefix_len}");
        }
    }
}
