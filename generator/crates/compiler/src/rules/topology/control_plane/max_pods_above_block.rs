//! Refuses a `maxPods` of kubelet for which the node's pod block has too few addresses.

use serde_json::Value;

use crate::check::{Findings, Rule, Scope, Theme};
use crate::derive::{address, pool};
use crate::diagnostic::{Finding, Severity};
use crate::topology::Topology;

pub(super) const RULE: Rule<Topology> = Rule {
    code: "max-pods-above-block",
    severity: Severity::Error,
    theme: Theme::ControlPlane,
    summary: "kubelet may start more pods than its node has addresses for",
    explain: "\
Each pod takes one address of its node's block. The scheduler counts pods and not addresses: with a larger \
`maxPods`, it places pods on the node that stay in `ContainerCreating` for ever, because Calico has no address for \
them, although other nodes have room.

Write a smaller number, or give the nodes larger blocks with `pod_prefix_len` in `[network]` before the cluster is \
created: /24 has 256 addresses, /23 has 512.",
    scope: Scope::Present,
    check,
};

/// The field of `KubeletConfiguration`.
const FIELD: &str = "maxPods";

fn check(topology: &Topology, findings: &mut Findings) {
    let shared = &topology.kubeadm;
    let mut reported = Vec::new();
    for node in &topology.nodes {
        let own = node.kubelet.entries().get(FIELD).map(|value| (&node.origin, value));
        let of_all = shared.kubelet.entries().get(FIELD).map(|value| (&shared.origin, value));
        let Some((origin, pods)) = own.or(of_all) else { continue };
        if reported.contains(&origin) {
            continue;
        }
        let block = address::pod_block(node, &topology.network);
        let addresses = block.and_then(pool::addresses).map(u64::from);
        let (Some(pods), Some(addresses)) = (Value::as_u64(pods), addresses) else { continue };
        if pods > addresses {
            let message =
                format!("`{}` may start {pods} pods, and has {addresses} addresses", node.name);
            let at = origin.key("kubelet").key(FIELD);
            let finding = Finding::new(message, &at, "more pods than addresses");
            findings.push(finding.help(format!("write {addresses} or less")));
            reported.push(origin);
        }
    }
}
