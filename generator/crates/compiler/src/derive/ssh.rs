//! The sources that may use SSH: `firewall.ssh_from`, or `ssh_from` of the node.

use crate::topology::{Node, Topology};
use meshwright_value::SourceNet;

/// The sources that may reach SSH of `node` on its public side.
#[must_use]
pub(crate) fn ssh_from<'topology>(
    topology: &'topology Topology,
    node: &'topology Node,
) -> &'topology [SourceNet] {
    node.ssh_from.as_ref().unwrap_or(&topology.firewall.ssh_from)
}
