//! Replicas stand on nodes of their own.

use crate::check::{Findings, Rule, Scope, Theme};
use crate::diagnostic::{Finding, Severity};
use crate::route::Route;
use crate::topology::{Node, Topology};
use meshwright_value::{Replicas, Role, TaintEffect};

pub(super) const RULE: Rule<Topology> = Rule {
    code: "replicas-above-nodes",
    severity: Severity::Warning,
    theme: Theme::Ingress,
    summary: "there are more replicas than nodes that take them",
    explain: "\
Replicas of the Ingress controller and of cloudflared are spread over nodes as far as there are nodes. \
Further ones share a node, take its memory, and are lost together with it: they add nothing.

Write as many as there are nodes that take ordinary pods: workers, and control planes with `taints = []`. \
The default of two is never reported: on one node it still lets one pod be replaced by the other.",
    scope: Scope::Present,
    check,
};

fn check(topology: &Topology, findings: &mut Findings) {
    let ingress = &topology.ingress;
    report(topology, ingress.replicas, &ingress.origin, findings);
    if let Some(tunnel) = &topology.cloudflare_tunnel {
        report(topology, tunnel.replicas, &tunnel.origin, findings);
    }
}

/// What the default asks for.
const UNREPORTED: usize = 2;

fn report(topology: &Topology, replicas: Replicas, table: &Route, findings: &mut Findings) {
    let nodes = topology.nodes.iter().filter(|node| takes_pods(node)).count();
    if usize::from(replicas.get()) <= nodes.max(UNREPORTED) {
        return;
    }
    let at = table.key("replicas");
    let message = format!("`{at}` is {replicas}, more than the nodes that take pods ({nodes})");
    let help = format!("set `{at} = {}`", nodes.max(UNREPORTED));
    findings.push(Finding::new(message, &at, "more than there are such nodes").help(help));
}

/// Without a declared taint, kubeadm gives control planes one that keeps ordinary pods away.
fn takes_pods(node: &Node) -> bool {
    match &node.taints {
        None => node.role == Role::Worker,
        Some(taints) => taints.iter().all(|taint| taint.effect() == TaintEffect::PreferNoSchedule),
    }
}
