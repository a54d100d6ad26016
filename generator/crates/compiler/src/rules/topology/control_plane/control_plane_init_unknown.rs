//! The node that founds the cluster is there, and a control plane.

use crate::check::{Findings, Rule, Scope, Theme};
use crate::diagnostic::{Finding, Severity};
use crate::rules::topology::node_names::{nodes_by_name, unknown_node};
use crate::topology::Topology;
use meshwright_value::Role;

pub(super) const RULE: Rule<Topology> = Rule {
    code: "control-plane-init-unknown",
    severity: Severity::Error,
    theme: Theme::ControlPlane,
    summary: "`control_plane.init` names no control plane",
    explain: "\
`control_plane.init` says which node runs `kubeadm init`; all others join. If no node has that name, \
every node joins and none founds; a worker has neither the API server nor etcd that the others would \
join.

Write the name of a node whose role is `control-plane`, or leave the key out: then it is the control \
plane with the lowest id.",
    scope: Scope::Tables(&["control_plane", "nodes"]),
    check,
};

fn check(topology: &Topology, findings: &mut Findings) {
    let Some(init) = &topology.control_plane.init else { return };
    let at = topology.control_plane.origin.key("init");
    let nodes = nodes_by_name(topology);
    match nodes.get(init) {
        None => findings.push(unknown_node("init", init, &at, topology)),
        // Without any control plane, `control-plane-missing` says so.
        Some(node) if node.role == Role::Worker && has_control_plane(topology) => {
            let message = format!("`{init}` is to found the cluster, and is a worker");
            let finding = Finding::new(message, &at, "named as the founder here")
                .and(&node.origin.key("role"), "runs no control plane");
            findings.push(finding.help("name a control plane, or leave `init` out"));
        }
        Some(_) => {}
    }
}

fn has_control_plane(topology: &Topology) -> bool {
    topology.nodes.iter().any(|node| node.role == Role::ControlPlane)
}
