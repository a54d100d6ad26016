//! Refuses a `pod_subnet` of a node with a prefix length that Calico or the pods cannot use.

use ipnet::Ipv4Net;

use crate::check::{Findings, Rule, Scope, Theme};
use crate::diagnostic::{Finding, Severity};
use crate::topology::Topology;
use meshwright_value::{Number, PodPrefixLen, Subnet};

pub(super) const RULE: Rule<Topology> = Rule {
    code: "pod-subnet-size",
    severity: Severity::Error,
    theme: Theme::Addresses,
    summary: "the pod block of a node is too large or too small",
    explain: "\
The block of each node is one IPPool whose `blockSize` is the prefix length of the block: this assigns \
the pool to the node. Calico accepts block sizes from 20 to 32. A block with a prefix longer than /28 \
has fewer than 16 addresses, and the pods that run on every node would use most of them.

Write a prefix length from 20 to 28, as for `network.pod_prefix_len`.

Source: Calico, `validateAndSetDefaults` in libcalico-go/lib/clientv3/ippool.go. The schema of the CRD \
accepts 0 to 128, so no other program would report it.",
    scope: Scope::Present,
    check,
};

fn check(topology: &Topology, findings: &mut Findings) {
    for node in &topology.nodes {
        let Some(block) = node.pod_subnet.filter(|block| !is_valid(*block)) else { continue };
        let prefix_len = block.prefix_len();
        let message =
            format!("the pod block {block} of `{}` has a prefix of /{prefix_len}", node.name);
        let finding = Finding::new(message, &node.origin.key("pod_subnet"), "expected /20 to /28");
        let nearest = Ipv4Net::new_assert(block.network(), prefix_len.clamp(20, 28));
        let help = format!("did you mean `{}`?", Subnet::new(nearest));
        findings.push(finding.help(help));
    }
}

/// Whether [`PodPrefixLen`] accepts the size of a node's own block. Other rules ignore blocks that
/// are not valid.
pub(super) fn is_valid(block: Subnet) -> bool {
    PodPrefixLen::from_integer(block.prefix_len().into()).is_ok()
}
