//! From nothing to a cluster: user-data, one delivery for each machine, and waiting. Nothing else is done on a
//! machine.

use anyhow::{Result, ensure};

use super::reachability::{Expected, Sender, Target};
use super::{CheckStep, ClusterCheck};
use crate::cluster::founding::Cluster;
use crate::cluster::stand_in::app;
use crate::cluster::workload::{self, NAMESPACE};

use CheckStep::{Procedure, Reach};

/// The table. If one of these fails, no other check can run.
pub const ALL: &[ClusterCheck] = &[
    ClusterCheck { name: "user-data-prepares", step: Procedure(user_data_prepares) },
    ClusterCheck { name: "deliveries-accepted", step: Procedure(deliveries_accepted) },
    ClusterCheck { name: "nodes-ready", step: Procedure(|cluster| cluster.await_all_ready()) },
    ClusterCheck {
        name: "pods-on-every-node",
        step: Procedure(|cluster| workload::create(cluster)),
    },
    ClusterCheck { name: "logs-and-exec", step: Procedure(logs_and_exec) },
    ClusterCheck { name: "pod-pairs", step: Reach(Sender::Pods, Target::Pods, Expected::Answer) },
    ClusterCheck {
        name: "manifests-applied",
        step: Procedure(|cluster| cluster.await_bootstrap()),
    },
];

fn user_data_prepares(cluster: &mut Cluster) -> Result<()> {
    cluster.machines.keys().try_for_each(|node| cluster.await_preparation(node))
}

/// The init node first, then the others: its name sorts first.
fn deliveries_accepted(cluster: &mut Cluster) -> Result<()> {
    cluster.deliver_to_all()
}

/// The API server calls every kubelet.
pub(super) fn logs_and_exec(cluster: &mut Cluster) -> Result<()> {
    for pod in workload::await_pods(cluster)? {
        let logs = cluster.kubectl(&format!("logs --namespace {NAMESPACE} {}", pod.name))?;
        ensure!(logs.contains(app::LISTENING), "logs of {}: {logs:?}", pod.name);
        let own = format!("127.0.0.1:{}", app::PORT);
        let line = format!("exec --namespace {NAMESPACE} {} -- app get {own}", pod.name);
        let printed = cluster.kubectl(&line)?;
        ensure!(printed == format!("{own} {} 127.0.0.1\n", pod.name), "{printed:?}");
    }
    Ok(())
}
