//! Warns when there are more replicas than nodes that accept ordinary pods.

use crate::check::{Findings, Rule, Scope, Theme};
use crate::diagnostic::{Finding, Severity};
use crate::route::Route;
use crate::topology::{Node, Topology};
use meshwright_value::{IngressController, Replicas, Role, TaintEffect};

pub(super) const RULE: Rule<Topology> = Rule {
    code: "replicas-above-nodes",
    severity: Severity::Warning,
    theme: Theme::Ingress,
    summary: "there are more replicas than nodes for them",
    explain: "\
The replicas of the Ingress controller and of cloudflared are spread over the nodes. If there are more \
replicas than nodes, some of them share a node: they use its memory and are lost together with it, so \
they add nothing.

Write at most the number of nodes that accept ordinary pods: workers, and control planes with `taints = \
[]`. The default of two is never reported: on one node, a second replica still allows one pod to be \
replaced without an interruption.",
    scope: Scope::Present,
    check,
};

fn check(topology: &Topology, findings: &mut Findings) {
    let ingress = &topology.ingress;
    if ingress.controller != IngressController::Absent {
        report(topology, ingress.replicas, &ingress.origin, findings);
    }
    if let Some(tunnel) = &topology.cloudflare_tunnel {
        report(topology, tunnel.replicas, &tunnel.origin, findings);
    }
}

/// The default number of replicas.
const UNREPORTED: usize = 2;

fn report(topology: &Topology, replicas: Replicas, table: &Route, findings: &mut Findings) {
    let nodes = topology.nodes.iter().filter(|node| accepts_pods(node)).count();
    if usize::from(replicas.get()) <= nodes.max(UNREPORTED) {
        return;
    }
    let at = table.key("replicas");
    let message = format!("`{at}` is {replicas}, but the number of nodes for pods is {nodes}");
    let help = format!("set `{at} = {}`", nodes.max(UNREPORTED));
    findings.push(Finding::new(message, &at, "more replicas than nodes").help(help));
}

/// Without `taints`, kubeadm adds a taint to control planes that keeps ordinary pods away.
fn accepts_pods(node: &Node) -> bool {
    match &node.taints {
        None => node.role == Role::Worker,
        Some(taints) => taints.iter().all(|taint| taint.effect() == TaintEffect::PreferNoSchedule),
    }
}
