//! Refuses a topology without a control plane.

use crate::check::{Findings, Rule, Scope, Theme};
use crate::diagnostic::{Finding, Severity};
use crate::topology::Topology;
use meshwright_value::Role;

pub(super) const RULE: Rule<Topology> = Rule {
    code: "control-plane-missing",
    severity: Severity::Error,
    theme: Theme::ControlPlane,
    summary: "no node is a control plane",
    explain: "\
The node that initialises the cluster is a control plane. It runs `kubeadm init`, etcd and the API \
server, and every other node joins it. If all nodes are workers, each of them waits for an API that no \
node starts.

Set `role = \"control-plane\"` on one node. For a control plane that survives the loss of one node, set \
it on three. A control plane needs at least 2 CPUs and 2 GiB of memory.

Source: kubeadm, \"Creating a cluster with kubeadm\", \"Before you begin\".",
    scope: Scope::Tables(&["nodes"]),
    check,
};

fn check(topology: &Topology, findings: &mut Findings) {
    if topology.nodes.iter().any(|node| node.role == Role::ControlPlane) {
        return;
    }
    let message = "no node is a control plane";
    let finding = match topology.nodes.first() {
        Some(node) => {
            Finding::new(message, &node.origin.key("role"), "a worker, like all other nodes")
        }
        None => Finding::new(message, &topology.origin.key("nodes"), "there is no node"),
    };
    findings.push(finding.help("set `role = \"control-plane\"` on one node, or on three"));
}
