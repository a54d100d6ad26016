//! Every id that gives an address gives one inside the node subnet.

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
    summary: "an id has no address in the node subnet",
    explain: "\
A machine's address in the mesh is its id, counted from the start of `network.node_subnet`; the first \
and the last address of the subnet belong to no host. An id beyond that has no address: the machine \
could not be part of the mesh.

Take an id of the range in the help, or give `node_subnet` a shorter prefix before the cluster exists. \
A node may also name its `address` itself; its id then only numbers its pod block.",
    scope: Scope::Present,
    check,
};

fn check(topology: &Topology, findings: &mut Findings) {
    let network = &topology.network;
    let nodes = topology.nodes.iter().map(|node| address::of_node(node, network));
    let clients = topology.clients.iter().map(|client| address::of_client(client, network));
    let addresses = nodes.chain(clients);
    for (machine, _) in members(topology).zip(addresses).filter(|(_, address)| address.is_none()) {
        let subnet = network.node_subnet;
        let message =
            format!("the id {} of `{}` has no address in {subnet}", machine.id, machine.name);
        let finding = Finding::new(message, &machine.origin.key("id"), "counts past the last host")
            .and(&network.origin.key("node_subnet"), format!("`network.node_subnet` is {subnet}"));
        findings.push(finding.help(help(subnet)));
    }
}

fn help(subnet: Subnet) -> String {
    match last_id(subnet) {
        0 => format!("{subnet} has no host address: give `node_subnet` a shorter prefix"),
        last => format!("ids from 1 to {last} have an address in {subnet}"),
    }
}

/// The highest id that has an address: neither the network address nor broadcast is one.
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
