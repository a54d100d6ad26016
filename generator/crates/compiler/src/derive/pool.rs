//! Where the pool of a node is declared: in Calico's Installation, or as a separate IPPool.

use meshwright_value::{NodeId, Role, Subnet};

/// How many pools fit into `Installation.spec.calicoNetwork.ipPools` (`maxItems` in the operator's CRD).
pub(crate) const INSTALLATION_POOLS: usize = 25;

/// Whether the pool is in the Installation. The operator creates these pools before Calico's API starts, which accepts
/// the further ones. So each control plane has one there, whichever of them initialises the cluster.
///
/// A function of the node alone: the operator deletes a pool that leaves its Installation, with the addresses in use,
/// so no pool may move when other nodes change.
#[must_use]
pub(crate) fn is_in_installation(id: NodeId, role: Role) -> bool {
    role == Role::ControlPlane || usize::try_from(id.get()).is_ok_and(|id| id < INSTALLATION_POOLS)
}

/// How many pods a block has addresses for: all of its addresses are used.
#[must_use]
pub(crate) fn addresses(block: Subnet) -> Option<u32> {
    1_u32.checked_shl(32 - u32::from(block.prefix_len()))
}
