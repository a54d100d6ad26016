//! The machine below Kubernetes: firewall, SSH, interfaces, packages; and the labels and taints of its node.

mod label_refused;
mod mirror_path_ambiguous;
mod open_port_exposes;
mod open_port_wide;
mod package_source_unknown;
mod public_interface_trusted;
mod ssh_closed;
mod ssh_closed_to_lan;
mod ssh_open_to_world;
mod ssh_user_unknown;
mod taint_duplicate;
mod url_not_https;

use crate::check::Rule;
use crate::topology::Topology;

pub(super) const RULES: &[Rule<Topology>] = &[
    label_refused::RULE,
    mirror_path_ambiguous::RULE,
    open_port_exposes::RULE,
    open_port_wide::RULE,
    package_source_unknown::RULE,
    public_interface_trusted::RULE,
    ssh_closed::RULE,
    ssh_closed_to_lan::RULE,
    ssh_open_to_world::RULE,
    ssh_user_unknown::RULE,
    taint_duplicate::RULE,
    url_not_https::RULE,
];
