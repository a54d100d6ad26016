//! From nothing to a cluster: user-data, one delivery for each machine, and waiting. Nothing else is done on a
//! machine.

use anyhow::Result;

use super::{CheckStep, ClusterCheck};
use crate::cluster::founding::Cluster;
use crate::cluster::workload;

use CheckStep::Procedure;

/// The table. If one of these fails, no other check can run.
pub const ALL: &[ClusterCheck] = &[
    ClusterCheck { name: "user-data-prepares", step: Procedure(user_data_prepares) },
    ClusterCheck { name: "deliveries-accepted", step: Procedure(deliveries_accepted) },
    ClusterCheck { name: "nodes-ready", step: Procedure(|cluster| cluster.await_all_ready()) },
    ClusterCheck {
        name: "manifests-applied",
        step: Procedure(|cluster| cluster.await_bootstrap()),
    },
    ClusterCheck {
        name: "pods-on-every-node",
        step: Procedure(|cluster| workload::create(cluster)),
    },
];

fn user_data_prepares(cluster: &mut Cluster) -> Result<()> {
    cluster.machines.keys().try_for_each(|node| cluster.await_preparation(node))
}

/// The init node first, then the others: its name sorts first.
fn deliveries_accepted(cluster: &mut Cluster) -> Result<()> {
    cluster.deliver_to_all()
}
