//! A node's own pod block has a size that Calico can hand out as one block.

use ipnet::Ipv4Net;

use crate::check::{Findings, Rule, Scope, Theme};
use crate::diagnostic::{Finding, Severity};
use crate::topology::Topology;
use meshwright_value::{Number, PodPrefixLen, Subnet};

pub(super) const RULE: Rule<Topology> = Rule {
    code: "pod-subnet-size",
    severity: Severity::Error,
    theme: Theme::Addresses,
    summary: "a node's pod block is too large or too small",
    explain: "\
Each node's block is one IPPool with `blockSize` equal to its prefix length, which is what pins it to \
the node. Calico takes block sizes from 20 to 32, and with more than 28 a block holds fewer than 16 \
pods: what every node runs of itself would hardly leave room for anything else.

Write a prefix length from 20 to 28, as for `network.pod_prefix_len`.

Source: Calico, `validateAndSetDefaults` in libcalico-go/lib/clientv3/ippool.go. The schema of the CRD \
says 0 to 128, so nothing else would object.",
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

/// Whether a block that a node names has a size that [`PodPrefixLen`] allows. Other rules leave
/// blocks alone that have not.
pub(super) fn is_valid(block: Subnet) -> bool {
    PodPrefixLen::from_integer(block.prefix_len().into()).is_ok()
}
