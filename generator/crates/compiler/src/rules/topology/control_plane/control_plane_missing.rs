//! Some node runs the control plane.

use crate::check::{Findings, Rule, Scope, Theme};
use crate::diagnostic::{Finding, Severity};
use crate::topology::Topology;
use meshwright_value::Role;

pub(super) const RULE: Rule<Topology> = Rule {
    code: "control-plane-missing",
    severity: Severity::Error,
    theme: Theme::ControlPlane,
    summary: "no node runs the control plane",
    explain: "\
The node that founds the cluster is a control plane: it runs `kubeadm init`, etcd and the API server, \
and every other node joins it. With workers alone each of them waits for an API that nobody starts.

Give one node, or three for a control plane that survives the loss of one, `role = \"control-plane\"`. \
It needs 2 CPUs and 2 GiB of memory at least.

Source: kubeadm, \"Creating a cluster with kubeadm\", \"Before you begin\".",
    scope: Scope::Tables(&["nodes"]),
    check,
};

fn check(topology: &Topology, findings: &mut Findings) {
    if topology.nodes.iter().any(|node| node.role == Role::ControlPlane) {
        return;
    }
    let message = "no node runs the control plane";
    let finding = match topology.nodes.first() {
        Some(node) => Finding::new(message, &node.origin.key("role"), "a worker, as all nodes are"),
        None => Finding::new(message, &topology.origin.key("nodes"), "there is no node"),
    };
    findings.push(finding.help("set `role = \"control-plane\"` on one node, or on three"));
}
