//! A control plane keeps its own taint.

use crate::check::{Findings, Rule, Scope, Theme};
use crate::diagnostic::{Finding, Severity};
use crate::topology::{Node, Topology};
use meshwright_value::Role;

pub(super) const RULE: Rule<Topology> = Rule {
    code: "taint-drops-control-plane",
    severity: Severity::Warning,
    theme: Theme::ControlPlane,
    summary: "`taints` replaces a control plane's own taint",
    explain: "\
kubeadm taints a control plane with `node-role.kubernetes.io/control-plane:NoSchedule`, unless `taints` is \
written: then those are all. Without the taint every pod that tolerates the others runs beside etcd and \
the API server, and takes their memory and disk; a pod that breaks out there has the keys of the cluster.

Add the taint to the list. To let pods run there on purpose write `taints = []`, as for kubeadm, or accept \
the warning.

Source: kubeadm-config.v1beta4, `NodeRegistrationOptions.taints`.",
    scope: Scope::Present,
    check,
};

/// What keeps pods away from control planes.
const CONTROL_PLANE: &str = "node-role.kubernetes.io/control-plane";

fn check(topology: &Topology, findings: &mut Findings) {
    for node in topology.nodes.iter().filter(|node| drops(node)) {
        let message = format!("the taints of `{}` replace its taint as a control plane", node.name);
        let finding = Finding::new(message, &node.origin.key("taints"), "any other pod runs here");
        findings.push(finding.help(format!("add `\"{CONTROL_PLANE}:NoSchedule\"`")));
    }
}

/// An empty list can mean nothing else than no taint at all.
fn drops(node: &Node) -> bool {
    let taints = node.taints.as_deref().unwrap_or_default();
    let keeps = taints.iter().any(|taint| taint.key().as_str() == CONTROL_PLANE);
    node.role == Role::ControlPlane && !taints.is_empty() && !keeps
}
