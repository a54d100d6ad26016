//! From the patch release before to the pinned one, by docs/operations.md.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result, ensure};

use super::access::require_laptop;
use super::power::{expect_reachability, ping};
use super::{CheckStep, ClusterCheck, none_failed};
use crate::cluster::founding::{Cluster, HOME, INIT};
use crate::cluster::laptop;
use crate::cluster::operations::DocumentedCommands;
use crate::probe::eventually;

use CheckStep::Procedure;

/// The table. The checks of access follow: `apply.sh` again changes nothing, and `status` has no next step.
pub const ALL: &[ClusterCheck] = &[
    ClusterCheck { name: "kubeadm-upgrade", step: Procedure(kubeadm_upgrade) },
    ClusterCheck { name: "every-program-upgraded", step: Procedure(every_program_upgraded) },
    ClusterCheck { name: "ports-in-mesh-only", step: Procedure(ports_in_mesh_only) },
];

/// The steps of the page, node by node. No packet between nodes is lost.
fn kubeadm_upgrade(cluster: &mut Cluster) -> Result<()> {
    require_laptop(cluster)?;
    let streams = [ping(cluster, INIT, "cp2")?, ping(cluster, HOME, "cp3")?];
    let version = cluster.datacentre.programs.kubernetes_version()?;
    cluster.workspace.set_kubernetes_version(&version)?;
    cluster.deliver_to_all()?;
    cluster.await_bootstrap()?;
    let commands = DocumentedCommands::read("Upgrade", 7)?;
    // The control planes sort first.
    for node in cluster.machines.keys() {
        upgrade(cluster, &commands, node).with_context(|| format!("{node} is upgraded"))?;
        cluster.report(&format!("{node} is upgraded"));
    }
    run_on_node(cluster, &commands, 6, INIT)?;
    streams.into_iter().try_for_each(|stream| stream.expect(0))?;
    cluster.await_all_ready()?;
    expect_reachability(cluster)
}

fn upgrade(cluster: &Cluster, commands: &DocumentedCommands, node: &str) -> Result<()> {
    let kubeadm = if node == INIT { 1 } else { 2 };
    run_on_node(cluster, commands, 0, node)?;
    run_on_node(cluster, commands, kubeadm, node)?;
    laptop::run(cluster, &commands.block(3, node)?)?;
    run_on_node(cluster, commands, 4, node)?;
    laptop::run(cluster, &commands.block(5, node)?).map(drop)
}

fn run_on_node(
    cluster: &Cluster,
    commands: &DocumentedCommands,
    block: usize,
    node: &str,
) -> Result<()> {
    cluster.machine(node)?.run(&laptop::strict(&commands.block(block, node)?)).map(drop)
}

/// Each kubelet, and each program of Kubernetes in a pod, has the new version.
fn every_program_upgraded(cluster: &mut Cluster) -> Result<()> {
    let version = format!("v{}", cluster.datacentre.programs.kubernetes_version()?);
    let kubelets = "get nodes --output 'jsonpath={range .items[*]}kubelet:{.status.nodeInfo.kubeletVersion} \
                    {.metadata.name}{\"\\n\"}{end}'";
    let programs = "get pods --namespace kube-system --selector 'component!=etcd,k8s-app!=kube-dns' --output \
                    'jsonpath={range .items[*]}{.spec.containers[0].image} {.spec.nodeName}{\"\\n\"}{end}'";
    let mut expected = BTreeSet::new();
    for node in cluster.machines.keys() {
        expected.insert(format!("kubelet:{version} {node}"));
        expected.insert(format!("registry.k8s.io/kube-proxy:{version} {node}"));
        if node.starts_with("cp") {
            for program in ["kube-apiserver", "kube-controller-manager", "kube-scheduler"] {
                expected.insert(format!("registry.k8s.io/{program}:{version} {node}"));
            }
        }
    }
    eventually(cluster.timeout, || {
        let printed = cluster.kubectl(kubelets)? + &cluster.kubectl(programs)?;
        let found: BTreeSet<_> = printed.lines().map(str::to_owned).collect();
        ensure!(found == expected, "{found:?}, not {expected:?}");
        Ok(())
    })
}

/// The API server and kubelet listen at the mesh address of their node, and haproxy on loopback: kubeadm has applied
/// the patches again.
fn ports_in_mesh_only(cluster: &mut Cluster) -> Result<()> {
    let mut failures = Vec::new();
    for (node, address) in cluster.mesh_addresses()? {
        let listening = "ss -Hltn '( sport = :6443 or sport = :10250 )' | awk '{ print $4 }'";
        let printed = cluster.machine(&node)?.run(listening)?;
        let found: BTreeSet<_> = printed.lines().map(str::to_owned).collect();
        let mut expected =
            BTreeSet::from(["127.0.0.1:6443".to_owned(), format!("{address}:10250")]);
        if node.starts_with("cp") {
            expected.insert(format!("{address}:6443"));
        }
        if found != expected {
            failures.push(format!("{node} listens on {found:?}, not {expected:?}"));
        }
    }
    none_failed(failures)
}
