//! Warns when `taints` of a control plane does not have its default taint.

use crate::check::{Findings, Rule, Scope, Theme};
use crate::derive::taint::CONTROL_PLANE;
use crate::diagnostic::{Finding, Severity};
use crate::topology::{Node, Topology};
use meshwright_value::Role;

pub(super) const RULE: Rule<Topology> = Rule {
    code: "taint-drops-control-plane",
    severity: Severity::Warning,
    theme: Theme::ControlPlane,
    summary: "`taints` of a control plane does not have its default taint",
    explain: "\
kubeadm adds the taint `node-role.kubernetes.io/control-plane:NoSchedule` to a control plane, unless \
`taints` is written: then the node has only the taints in the list. Without this taint, every pod that \
tolerates the others runs beside etcd and the API server, and uses their memory and disk. A program \
that escapes from such a pod can read the keys of the cluster.

Add the taint to the list. If you want pods there, write `taints = []`, as for kubeadm, or accept the \
warning.

Source: kubeadm-config.v1beta4, `NodeRegistrationOptions.taints`.",
    scope: Scope::Present,
    check,
};

fn check(topology: &Topology, findings: &mut Findings) {
    for node in topology.nodes.iter().filter(|node| drops_taint(node)) {
        let message =
            format!("`taints` of `{}` replaces the default taint of a control plane", node.name);
        let finding = Finding::new(message, &node.origin.key("taints"), "other pods can run here");
        findings.push(finding.help(format!("add `\"{CONTROL_PLANE}:NoSchedule\"`")));
    }
}

/// An empty list is not reported: it can only mean that the node should have no taint.
fn drops_taint(node: &Node) -> bool {
    let taints = node.taints.as_deref().unwrap_or_default();
    let keeps = taints.iter().any(|taint| taint.key().as_str() == CONTROL_PLANE);
    node.role == Role::ControlPlane && !taints.is_empty() && !keeps
}
