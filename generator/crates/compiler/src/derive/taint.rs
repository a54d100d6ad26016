//! Taints of nodes.

use meshwright_value::Role;

/// The key of the taint that keeps pods away from control planes.
pub(crate) const CONTROL_PLANE: &str = "node-role.kubernetes.io/control-plane";

/// The taints of a node in the form of kubectl. Without a list, kubeadm gives a control plane its own taint.
pub(crate) fn of_node(role: Role, declared: Option<Vec<String>>) -> Vec<String> {
    let default = || match role {
        Role::ControlPlane => vec![format!("{CONTROL_PLANE}:NoSchedule")],
        Role::Worker => Vec::new(),
    };
    declared.unwrap_or_else(default)
}
