//! The loss of the only control plane, and its restoration by docs/operations.md.

use anyhow::{Context as _, Result, ensure};

use super::access::require_laptop;
use super::control_planes::expect_service;
use super::founding::logs_and_exec;
use super::power::expect_reachability;
use super::{CheckStep, ClusterCheck};
use crate::cluster::founding::{Cluster, INIT};
use crate::cluster::laptop;
use crate::cluster::operations::DocumentedCommands;
use crate::cluster::workload::{self, NAMESPACE, SERVICE_PORT};
use crate::probe::eventually;

/// The table.
pub const ALL: &[ClusterCheck] =
    &[ClusterCheck { name: "etcd-restore", step: CheckStep::Procedure(etcd_restore) }];

/// An object in the snapshot, and one that is created after it.
const SAVED: &str = "before-the-snapshot";
const LOST: &str = "after-the-snapshot";

fn etcd_restore(cluster: &mut Cluster) -> Result<()> {
    require_laptop(cluster)?;
    cluster.kubectl(&format!("create configmap {SAVED} --namespace {NAMESPACE}"))?;
    let token = cluster.kubectl(&format!("create token default --namespace {NAMESPACE}"))?;
    back_up(cluster)?;
    refuse_on_running_cluster(cluster)?;
    cluster.kubectl(&format!("create configmap {LOST} --namespace {NAMESPACE}"))?;

    cluster.machines.remove(INIT).context("no init node")?;
    cluster.report("the control plane is destroyed");
    cluster.switch_on(INIT)?;
    cluster.await_preparation(INIT)?;
    restore(cluster)?;
    let restored = cluster.machine(INIT)?.run("date --utc +%Y-%m-%dT%H:%M:%S")?;
    cluster.report("etcd is restored");
    cluster.await_bootstrap()?;
    cluster.report("the restored control plane has completed bootstrap");

    expect_saved_objects(cluster)?;
    expect_renewed_leases(cluster, restored.trim())?;
    cluster.await_all_ready()?;
    expect_certificates(cluster, token.trim())?;
    expect_new_service(cluster)?;
    expect_reachability(cluster)
}

/// The snapshot is taken by the timer's command, verified, and fetched.
fn back_up(cluster: &Cluster) -> Result<()> {
    let commands = DocumentedCommands::read("Backup", 1)?;
    let printed = laptop::run(cluster, &commands.block(0, INIT)?)?;
    ensure!(printed.contains(&format!("{INIT}: /")), "{printed}");
    let status = cluster.machine(INIT)?.run("meshwright-node inspect | grep ^backup")?;
    ensure!(status.trim_end_matches('\n').ends_with('\t'), "the backup has failed: {status}");
    let modes =
        "stat -c '%a %u' /var/lib/meshwright/backup /var/lib/meshwright/backup/etcd-*.db | sort -u";
    let modes = cluster.machine(INIT)?.run(modes)?;
    ensure!(modes == "600 0\n700 0\n", "{modes}");
    Ok(())
}

/// The API server of the node answers, so its data are not replaced.
fn refuse_on_running_cluster(cluster: &Cluster) -> Result<()> {
    let script = "meshwright-node restore /var/lib/meshwright/backup/etcd-*.db";
    let refused = cluster.machine(INIT)?.output(script, b"")?;
    let message = String::from_utf8_lossy(&refused.stderr);
    let expected = "refused: the cluster is running here, and what was created after the snapshot would be lost";
    ensure!(
        refused.status.code() == Some(67) && message.contains(expected),
        "{}: {message}",
        refused.status
    );
    Ok(())
}

fn restore(cluster: &Cluster) -> Result<()> {
    let commands = DocumentedCommands::read("Restore a control plane", 1)?;
    laptop::run(cluster, &commands.block(0, INIT)?).map(drop)
}

/// The cluster is the one of the snapshot.
fn expect_saved_objects(cluster: &Cluster) -> Result<()> {
    cluster.kubectl(&format!("get configmap {SAVED} --namespace {NAMESPACE}"))?;
    let script = format!(
        "KUBECONFIG=/etc/kubernetes/admin.conf kubectl get configmap {LOST} --namespace {NAMESPACE}"
    );
    let found = cluster.machine(INIT)?.output(&script, b"")?;
    let message = String::from_utf8_lossy(&found.stderr);
    let expected = format!("(NotFound): configmaps \"{LOST}\" not found");
    ensure!(
        message.contains(&expected),
        "{LOST}: {message}{}",
        String::from_utf8_lossy(&found.stdout)
    );
    Ok(())
}

/// The snapshot says that every node is Ready: only a Lease that was renewed since shows that kubelet is connected.
fn expect_renewed_leases(cluster: &Cluster, restored: &str) -> Result<()> {
    let jsonpath = "'jsonpath={range .items[*]}{.metadata.name} {.spec.renewTime}{\"\\n\"}{end}'";
    let line = format!("get leases --namespace kube-node-lease --output {jsonpath}");
    let waited = eventually(cluster.timeout, || {
        let printed = cluster.kubectl(&line)?;
        let is_renewed = |node: &str| {
            let mut leases = printed.lines().filter_map(|line| line.split_once(' '));
            // Both are of RFC 3339, in UTC.
            leases.any(|(name, time)| name == node && time > restored)
        };
        let old: Vec<_> = cluster.machines.keys().filter(|node| !is_renewed(node)).collect();
        ensure!(old.is_empty(), "{old:?} have not called since {restored}: {printed}");
        Ok(())
    });
    waited.map_err(|error| cluster.with_journals(error))
}

/// What was issued before the loss is valid: the laptop's kubeconfig, the tokens of service accounts, and the
/// certificates of kubelets.
fn expect_certificates(cluster: &mut Cluster, token: &str) -> Result<()> {
    eventually(cluster.timeout, || laptop::run(cluster, "kubectl get nodes"))?;
    let line = format!(
        "--kubeconfig /dev/null --server https://10.66.66.1:6443 \
         --certificate-authority /etc/kubernetes/pki/ca.crt --token {token} \
         auth whoami --output 'jsonpath={{.status.userInfo.username}}'"
    );
    let printed = cluster.kubectl(&line)?;
    let user = format!("system:serviceaccount:{NAMESPACE}:default");
    ensure!(printed.trim() == user, "the token is of {printed:?}, not {user}");
    logs_and_exec(cluster)
}

/// The programs that were connected to the lost API server notice what happens now, in spite of the revisions that
/// they have seen.
fn expect_new_service(cluster: &Cluster) -> Result<()> {
    let address = workload::create_service(cluster, "restored")?;
    expect_service(cluster, &format!("{address}:{SERVICE_PORT}"))
}
