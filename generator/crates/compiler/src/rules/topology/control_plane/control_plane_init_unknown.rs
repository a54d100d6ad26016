//! Refuses `control_plane.init` when it does not name a control plane.

use crate::check::{Findings, Rule, Scope, Theme};
use crate::diagnostic::{Finding, Severity};
use crate::rules::topology::node_names::{nodes_by_name, unknown_node};
use crate::topology::Topology;
use meshwright_value::Role;

pub(super) const RULE: Rule<Topology> = Rule {
    code: "control-plane-init-unknown",
    severity: Severity::Error,
    theme: Theme::ControlPlane,
    summary: "`control_plane.init` does not name a control plane",
    explain: "\
The node in `control_plane.init` runs `kubeadm init`; all other nodes join it. If no node has this \
name, every node waits to join and no node initialises the cluster. A worker runs neither the API \
server nor etcd, so no node could join it.

Write the name of a node with the role `control-plane`, or leave the key out: the default is the \
control plane with the lowest id.",
    scope: Scope::Tables(&["control_plane", "nodes"]),
    check,
};

fn check(topology: &Topology, findings: &mut Findings) {
    let Some(init) = &topology.control_plane.init else { return };
    let at = topology.control_plane.origin.key("init");
    let nodes = nodes_by_name(topology);
    match nodes.get(init) {
        None => findings.push(unknown_node("init", init, &at, topology)),
        // Without any control plane, `control-plane-missing` reports that.
        Some(node) if node.role == Role::Worker && has_control_plane(topology) => {
            let message = format!("`init` names `{init}`, which is a worker");
            let finding = Finding::new(message, &at, "this node would run `kubeadm init`")
                .and(&node.origin.key("role"), "not a control plane");
            findings.push(finding.help("name a control plane, or leave `init` out"));
        }
        Some(_) => {}
    }
}

fn has_control_plane(topology: &Topology) -> bool {
    topology.nodes.iter().any(|node| node.role == Role::ControlPlane)
}
