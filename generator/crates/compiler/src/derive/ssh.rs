//! SSH of a node: who may use it.

use crate::topology::{Node, Topology};
use meshwright_value::{SourceNet, provider};

/// The user in the command of a delivery if no value of the topology determines one.
const UNKNOWN_USER: &str = "USER";

/// The sources that may reach SSH of `node` on its public side.
#[must_use]
pub(crate) fn ssh_from<'topology>(
    topology: &'topology Topology,
    node: &'topology Node,
) -> &'topology [SourceNet] {
    node.ssh_from.as_ref().unwrap_or(&topology.firewall.ssh_from)
}

/// The user to whom SSH of `node` admits its owner: `ssh_user`, or the user of the provider's image. None if the
/// owner of the machine chooses a name.
#[must_use]
pub(crate) fn known_user(node: &Node) -> Option<&str> {
    let of_image = || provider::facts(node.provider).image_user(node.os);
    node.ssh_user.as_ref().map(|user| user.as_str()).or_else(of_image)
}

/// [`known_user`], or a placeholder for the owner.
#[must_use]
pub(crate) fn user(node: &Node) -> &str {
    known_user(node).unwrap_or(UNKNOWN_USER)
}
