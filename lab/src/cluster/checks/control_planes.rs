//! Several control planes: from one to three, and the loss of any one of them.

use anyhow::{Context as _, Result, ensure};

use super::access::{self, CommandOutput, CommandPlace};
use super::change::declare_node;
use super::founding::API_OF_THE_NODE;
use super::power::expect_reachability;
use super::{CheckStep, ClusterCheck};
use crate::cluster::founding::{Cluster, INIT};
use crate::cluster::stand_in::app;
use crate::cluster::workload::{self, NAMESPACE, SERVICE_PORT};
use crate::probe::eventually;

use CheckStep::Procedure;

/// From one control plane to three. The nodes that are older than the others then lose the control plane that they
/// knew.
pub const ADDED: &[ClusterCheck] = &[
    ClusterCheck {
        name: "one-to-three-control-planes",
        step: Procedure(one_to_three_control_planes),
    },
    ClusterCheck {
        name: "init-node-lost-and-back",
        step: Procedure(|cluster| lost_and_back(cluster, INIT)),
    },
];

/// The loss of each of three.
pub const LOST: &[ClusterCheck] = &[
    ClusterCheck {
        name: "cp1-lost-and-back",
        step: Procedure(|cluster| lost_and_back(cluster, "cp1")),
    },
    ClusterCheck {
        name: "cp2-lost-and-back",
        step: Procedure(|cluster| lost_and_back(cluster, "cp2")),
    },
    ClusterCheck {
        name: "cp3-lost-and-back",
        step: Procedure(|cluster| lost_and_back(cluster, "cp3")),
    },
];

/// The two control planes that are added, with their ids.
const CONTROL_PLANES: [(&str, i64); 2] = [("cp2", 5), ("cp3", 6)];

fn one_to_three_control_planes(cluster: &mut Cluster) -> Result<()> {
    for (node, id) in CONTROL_PLANES {
        declare_node(cluster, node, id, "control-plane")?;
    }
    cluster.workspace.compile()?;
    cluster.deliver_to_all()?;
    for (node, _) in CONTROL_PLANES {
        cluster.switch_on(node)?;
    }
    for (node, _) in CONTROL_PLANES {
        cluster.await_preparation(node)?;
        cluster.deliver(node)?;
    }
    cluster.await_all_ready()?;
    cluster.await_bootstrap()?;
    expect_reachability(cluster)
}

/// A control plane loses its power. On every other node the API answers, and a Service that is created afterwards
/// works, and the laptop reaches another one. When it is on again, it is a node as before, and knows that Service.
fn lost_and_back(cluster: &mut Cluster, lost: &str) -> Result<()> {
    let mut machine = cluster.machines.remove(lost).with_context(|| format!("no {lost}"))?;
    machine.switch_off();
    let other = cluster.machines.keys().find(|node| node.starts_with("cp"));
    cluster.control_plane = other.context("another control plane")?.clone();
    let without = expect_working_api(cluster, &format!("without-{lost}"));
    cluster.report(&format!("without {lost} it was checked"));
    machine.switch_on_again()?;
    cluster.machines.insert(lost.to_owned(), machine);
    let service = without.with_context(|| format!("{lost} is off"))?;
    cluster.await_all_ready()?;
    lost.clone_into(&mut cluster.control_plane);
    expect_api_on_every_node(cluster)?;
    expect_service(cluster, &service)?;
    expect_reachability(cluster).with_context(|| format!("{lost} is back"))
}

/// The API answers on every node that is on, and a new Service works there. Returns its address.
fn expect_working_api(cluster: &Cluster, service: &str) -> Result<String> {
    expect_api_on_every_node(cluster)?;
    access::laptop_calls(cluster, &cluster.control_plane)?;
    // While etcd elects a leader, single requests may still fail.
    let address = eventually(cluster.timeout, || workload::create_service(cluster, service))?;
    let target = format!("{address}:{SERVICE_PORT}");
    expect_service(cluster, &target)?;
    Ok(target)
}

fn expect_api_on_every_node(cluster: &Cluster) -> Result<()> {
    access::run(cluster, CommandPlace::EveryNode, API_OF_THE_NODE, CommandOutput::Is("ok"))
}

/// A Service answers every node, and the pod of every node. Of several requests one must be answered: for a minute
/// the Service still has the pod of a node that is off.
pub(super) fn expect_service(cluster: &Cluster, target: &str) -> Result<()> {
    for machine in cluster.machines.values() {
        let namespace = machine.namespace()?;
        eventually(cluster.timeout, || namespace.enter(|| app::get(target)))
            .with_context(|| format!("{} to the new Service {target}", machine.name))?;
    }
    let pods = workload::await_pods(cluster)?;
    for pod in pods.iter().filter(|pod| cluster.machines.contains_key(&pod.node)) {
        let line = format!("exec --namespace {NAMESPACE} {} -- app get {target}", pod.name);
        eventually(cluster.timeout, || {
            let printed = cluster.kubectl(&line)?;
            ensure!(!printed.contains(" error: "), "{printed}");
            Ok(())
        })
        .with_context(|| format!("the pod of {} to the new Service {target}", pod.node))?;
    }
    Ok(())
}
