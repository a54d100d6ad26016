//! From nothing to a cluster: user-data, one delivery for each machine, and waiting. Nothing else is done on a
//! machine.

use anyhow::{Result, ensure};

use super::access::{CommandOutput, CommandPlace};
use super::reachability::{Expected, Sender, Target};
use super::{CheckStep, ClusterCheck, none_failed};
use crate::cluster::founding::Cluster;
use crate::cluster::stand_in::app;
use crate::cluster::workload::{self, NAMESPACE};

use CheckStep::{Command, Procedure, Reach};
use CommandOutput::Is;

/// The table. If one of these fails, no other check can run.
pub const ALL: &[ClusterCheck] = &[
    ClusterCheck { name: "user-data-prepares", step: Procedure(user_data_prepares) },
    ClusterCheck { name: "deliveries-accepted", step: Procedure(deliveries_accepted) },
    ClusterCheck { name: "nodes-ready", step: Procedure(|cluster| cluster.await_all_ready()) },
    ClusterCheck {
        name: "api-answers-every-node",
        step: Command(CommandPlace::EveryNode, API_OF_THE_NODE, Is("ok")),
    },
    ClusterCheck { name: "nodes-have-their-roles", step: Procedure(nodes_have_their_roles) },
    ClusterCheck { name: "nodes-have-mesh-addresses", step: Procedure(nodes_have_mesh_addresses) },
    ClusterCheck { name: "static-pod-routes", step: Procedure(static_pod_routes) },
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

/// With the credential and by the address that kubelet uses: of several control planes, by the load balancer of the node.
pub(super) const API_OF_THE_NODE: &str =
    "kubectl --kubeconfig=/etc/kubernetes/kubelet.conf --request-timeout=5s get --raw /readyz";

fn user_data_prepares(cluster: &mut Cluster) -> Result<()> {
    cluster.machines.keys().try_for_each(|node| cluster.await_preparation(node))
}

/// The init node first, then the others: its name sorts first.
fn deliveries_accepted(cluster: &mut Cluster) -> Result<()> {
    cluster.deliver_to_all()
}

/// The nodes that are named so are the control planes, and no others.
fn nodes_have_their_roles(cluster: &mut Cluster) -> Result<()> {
    let selector = "--selector node-role.kubernetes.io/control-plane --output name";
    let printed = cluster.kubectl(&format!("get nodes {selector}"))?;
    let names = cluster.machines.keys().filter(|node| node.starts_with("cp"));
    let expected: String = names.map(|node| format!("node/{node}\n")).collect();
    ensure!(printed == expected, "the control planes are {printed:?}, not {expected:?}");
    Ok(())
}

/// Each Node has the address of its machine in the mesh, and no other.
fn nodes_have_mesh_addresses(cluster: &mut Cluster) -> Result<()> {
    let jsonpath = "'jsonpath={range .items[*]}{.metadata.name} \
                    {.status.addresses[?(@.type==\"InternalIP\")].address}{\"\\n\"}{end}'";
    let printed = cluster.kubectl(&format!("get nodes --output {jsonpath}"))?;
    let addresses = cluster.mesh_addresses()?;
    let expected: String =
        addresses.iter().map(|(node, address)| format!("{node} {address}\n")).collect();
    ensure!(printed == expected, "{printed:?}, not {expected:?}");
    Ok(())
}

/// Each node has a route to the pods of every other node that does not depend on BGP.
fn static_pod_routes(cluster: &mut Cluster) -> Result<()> {
    let plan = cluster.workspace.tree()?.plan;
    let mut failures = Vec::new();
    for node in &plan.nodes {
        let machine = cluster.machine(node.name.as_str())?;
        let printed = machine.run("ip -4 route show dev wg0 metric 512")?;
        for other in plan.nodes.iter().filter(|other| other.id != node.id) {
            let route = format!("{} proto kernel", other.pod_subnet.net());
            if !printed.contains(&route) {
                failures.push(format!("{} has no route to {}", node.name, other.pod_subnet.net()));
            }
        }
    }
    none_failed(failures)
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
