//! Refuses a pod block that is not a proper part of the pod subnet.

use super::pod_subnet_size;
use crate::check::{Findings, Rule, Scope, Theme};
use crate::derive::address;
use crate::diagnostic::{Finding, Severity};
use crate::topology::{Node, Topology};
use meshwright_value::Subnet;

pub(super) const RULE: Rule<Topology> = Rule {
    code: "pod-subnet-outside",
    severity: Severity::Error,
    theme: Theme::Addresses,
    summary: "the pod block of a node is outside the pod subnet",
    explain: "\
Every node has one block of `network.pod_subnet`: its own `pod_subnet`, or the block of size \
`pod_prefix_len` whose number is the node's id. The firewall and the route guard keep pod traffic from \
leaving unencrypted, and both know only `network.pod_subnet`. kube-proxy masquerades packets from other \
addresses, and Calico's operator refuses a pool outside at its first start.

A block that is equal to `network.pod_subnet` is also refused. The guard is an `unreachable` route for \
exactly this prefix, and BIRD would export it as the route of the pool.

Choose an id or a block inside the pod subnet, or give `network.pod_subnet` a shorter prefix before the \
cluster exists.

Sources: `mergePlatformPodCIDRs` in the operator's pkg/controller/ippool/defaults.go; \
`calico_export_to_bgp_peers` in Calico's bird_ipam.cfg template.",
    scope: Scope::Present,
    check,
};

fn check(topology: &Topology, findings: &mut Findings) {
    let network = &topology.network;
    let (by_id, own): (Vec<_>, Vec<_>) =
        topology.nodes.iter().partition(|node| node.pod_subnet.is_none());
    if network.pod_prefix_len.get() <= network.pod_subnet.prefix_len() && !by_id.is_empty() {
        findings.push(no_blocks(topology));
    } else {
        // `id-outside-subnet` reports an id that has no address either: one mistake, one report.
        let outside = by_id.into_iter().filter(|node| {
            address::pod_block(node, network).is_none()
                && address::node_address(node, network).is_some()
        });
        outside.for_each(|node| findings.push(id_outside(node, topology)));
    }
    for node in own {
        let block = node.pod_subnet.filter(|block| pod_subnet_size::is_valid(*block));
        if let Some(block) = block.filter(|block| !is_inside(*block, network.pod_subnet)) {
            findings.push(block_outside(node, block, topology));
        }
    }
}

/// A block equal to the pod subnet is not inside: the route guard has the same prefix.
fn is_inside(block: Subnet, pod_subnet: Subnet) -> bool {
    pod_subnet.contains(&block) && block != pod_subnet
}

fn no_blocks(topology: &Topology) -> Finding {
    let network = &topology.network;
    let (prefix_len, subnet) = (network.pod_prefix_len, network.pod_subnet);
    let message = format!("{subnet} contains no /{prefix_len} block");
    Finding::new(
        message,
        &network.origin.key("pod_prefix_len"),
        format!("`network.pod_prefix_len` is {prefix_len}"),
    )
    .and(&network.origin.key("pod_subnet"), format!("`network.pod_subnet` is {subnet}"))
    .help(format!("`pod_prefix_len` must be greater than {}", subnet.prefix_len()))
}

fn id_outside(node: &Node, topology: &Topology) -> Finding {
    let network = &topology.network;
    let (prefix_len, subnet) = (network.pod_prefix_len.get(), network.pod_subnet);
    let message = format!("the id {} of `{}` has no pod block in {subnet}", node.id, node.name);
    let last = last_id(subnet, prefix_len);
    Finding::new(message, &node.origin.key("id"), "above the last block")
        .and(&network.origin.key("pod_subnet"), format!("`network.pod_subnet` is {subnet}"))
        .help(format!("ids from 1 to {last} have a /{prefix_len} block in {subnet}"))
}

fn block_outside(node: &Node, block: Subnet, topology: &Topology) -> Finding {
    let network = &topology.network;
    let subnet = network.pod_subnet;
    let relation = if block == subnet { "the whole of" } else { "outside" };
    let message = format!("the pod block {block} of `{}` is {relation} {subnet}", node.name);
    Finding::new(
        message,
        &node.origin.key("pod_subnet"),
        "the pods of this node have these addresses",
    )
    .and(&network.origin.key("pod_subnet"), format!("`network.pod_subnet` is {subnet}"))
    .help(format!("choose a block inside {subnet}, or leave `pod_subnet` out"))
}

/// The highest id that has a block.
fn last_id(subnet: Subnet, prefix_len: u8) -> u32 {
    let bits = u32::from(prefix_len.saturating_sub(subnet.prefix_len()));
    1_u32.checked_shl(bits).map_or(u32::MAX, |blocks| blocks - 1)
}

#[cfg(test)]
mod tests {
    use super::{Subnet, last_id};

    #[test]
    fn the_last_id_has_the_last_block() {
        let table = [(16, 24, 255), (16, 25, 511), (23, 24, 1), (24, 24, 0), (0, 28, 268_435_455)];
        for (subnet, prefix_len, last) in table {
            let pods = Subnet::from_parts(10, 244, 0, 0, subnet);
            assert_eq!(last_id(pods, prefix_len), last, "/{prefix_len} in /{subnet}");
        }
    }
}
