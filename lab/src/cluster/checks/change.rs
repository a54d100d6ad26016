//! Changes of the topology, by the commands of docs/operations.md.

use std::fs;

use anyhow::{Context as _, Result, ensure};
use toml_edit::{DocumentMut, Item, Table, value};

use super::power::{expect_reachability, ping};
use super::{CheckStep, ClusterCheck};
use crate::cluster::credential;
use crate::cluster::founding::{Cluster, HOME, INIT, public_address};
use crate::probe::eventually;

use CheckStep::Procedure;

/// The table.
pub const ALL: &[ClusterCheck] = &[
    ClusterCheck {
        name: "expired-credential-refused",
        step: Procedure(expired_credential_refused),
    },
    ClusterCheck { name: "worker-added", step: Procedure(worker_added) },
    ClusterCheck { name: "key-rotated", step: Procedure(key_rotated) },
    ClusterCheck { name: "worker-rebuilt", step: Procedure(worker_rebuilt) },
    ClusterCheck { name: "kube-proxy-mode-changed", step: Procedure(kube_proxy_mode_changed) },
    ClusterCheck { name: "delivery-during-apply", step: Procedure(delivery_during_apply) },
    ClusterCheck { name: "settings-changed", step: Procedure(settings_changed) },
    ClusterCheck { name: "worker-removed", step: Procedure(worker_removed) },
];

/// The worker that is added and removed.
const ADDED: &str = "w2";

/// The first delivery of a new worker was exported too long ago: the machine says so, and how to go on. No packet
/// between the other nodes is lost during all deliveries.
fn expired_credential_refused(cluster: &mut Cluster) -> Result<()> {
    let streams = [ping(cluster, INIT, "w1")?, ping(cluster, "w1", HOME)?];
    declare_node(cluster, ADDED, 4, "worker")?;
    cluster.workspace.compile()?;
    cluster.deliver_to_all()?;
    cluster.switch_on(ADDED)?;
    cluster.await_preparation(ADDED)?;
    let delivery = cluster.workspace.export_to_join(ADDED)?;
    let expired = credential::expire(&cluster.workspace, ADDED, &delivery)?;
    let machine = cluster.machine(ADDED)?;
    machine.feed("meshwright-node apply", &expired)?;
    let refusal = format!(
        "meshwright: the join credential was valid until {}: deliver a new one with: meshwright \
         export {ADDED} --join | ssh root@{} meshwright-node apply\n",
        credential::EXPIRY,
        public_address(ADDED).context("a public address")?.0
    );
    eventually(cluster.timeout, || {
        let printed = machine.run(BOOTSTRAP_LOG)?;
        ensure!(printed.contains(&refusal), "{printed:?}, not {refusal:?}");
        Ok(())
    })?;
    let nodes = cluster.kubectl("get nodes --output name")?;
    ensure!(!nodes.contains(ADDED), "{ADDED} has joined: {nodes:?}");
    streams.into_iter().try_for_each(|stream| stream.expect(0))
}

/// A new export lets it join.
fn worker_added(cluster: &mut Cluster) -> Result<()> {
    let streams = [ping(cluster, INIT, "w1")?, ping(cluster, "w1", HOME)?];
    cluster.deliver(ADDED)?;
    cluster.await_all_ready()?;
    streams.into_iter().try_for_each(|stream| stream.expect(0))?;
    expect_reachability(cluster)
}

/// `docs/secrets.md`: delete the `public_key`, move the file away, `keys`, `generate`, export to all nodes.
fn key_rotated(cluster: &mut Cluster) -> Result<()> {
    let before = public_key(cluster, "w1")?;
    let key = cluster.workspace.path("secrets/nodes/w1/wg0.key");
    fs::rename(&key, key.with_extension("old"))?;
    cluster.workspace.edit(|topology| {
        node_table(topology, "w1")?.remove("public_key");
        Ok(())
    })?;
    cluster.workspace.compile()?;
    cluster.deliver_to_all()?;
    let after = public_key(cluster, "w1")?;
    ensure!(before != after, "the key is still {before}");
    expect_reachability(cluster)
}

fn public_key(cluster: &Cluster, node: &str) -> Result<String> {
    cluster.machine(node)?.run("wg show wg0 public-key")
}

/// The machine is lost, and a new one with the same name gets the same files.
fn worker_rebuilt(cluster: &mut Cluster) -> Result<()> {
    cluster.rebuild("w1")?;
    cluster.await_all_ready()?;
    expect_reachability(cluster)
}

/// From nftables to iptables and back, while the cluster runs.
fn kube_proxy_mode_changed(cluster: &mut Cluster) -> Result<()> {
    for mode in ["iptables", "nftables"] {
        set_mode(cluster, mode)?;
        cluster.deliver_to_all()?;
        cluster.await_bootstrap()?;
        expect_mode(cluster, mode)?;
    }
    Ok(())
}

fn set_mode(cluster: &Cluster, mode: &str) -> Result<()> {
    cluster.workspace.edit(|topology| {
        topology["kube_proxy"]["mode"] = value(mode);
        Ok(())
    })?;
    cluster.workspace.compile()
}

/// kube-proxy runs in this mode on every node, and Services work.
fn expect_mode(cluster: &Cluster, mode: &str) -> Result<()> {
    let configured = format!("mode: {mode}\n");
    let configuration =
        cluster.kubectl("get configmap kube-proxy --namespace kube-system --output yaml")?;
    ensure!(configuration.contains(&configured), "no `{configured}` in {configuration}");
    let rules = if mode == "iptables" { "KUBE-SERVICES" } else { "table ip kube-proxy" };
    eventually(cluster.timeout, || {
        for machine in cluster.machines.values() {
            let printed = machine.run("nft list ruleset 2>/dev/null")?;
            ensure!(printed.contains(rules), "{}: no {rules} in mode {mode}", machine.name);
        }
        Ok(())
    })?;
    expect_reachability(cluster).with_context(|| format!("mode {mode}"))
}

/// A delivery that arrives while `apply.sh` waits is installed at once; `apply.sh` starts again with it.
fn delivery_during_apply(cluster: &mut Cluster) -> Result<()> {
    let init = cluster.machine(INIT)?;
    let before = init.run(BOOTSTRAP_LOG)?.len();
    set_mode(cluster, "iptables")?;
    cluster.deliver(INIT)?;
    // The pods of every node are replaced one after the other now.
    let waits = "grep --quiet \"renewing kube-proxy's pods\" /run/meshwright-manifests/log";
    init.wait_for(cluster.timeout, waits)?;
    set_mode(cluster, "nftables")?;
    let printed = cluster.deliver(INIT)?;
    ensure!(
        printed.contains("/etc/meshwright/cluster/kube-proxy/kube-proxy.patch.yaml"),
        "{printed}"
    );
    cluster.await_bootstrap()?;
    let log = init.run(BOOTSTRAP_LOG)?;
    let since = log.get(before..).context("the journal has become shorter")?;
    let restart = "meshwright: /etc/meshwright/delivery has changed: the run ends here, and the next one starts with \
                   the new files\n";
    ensure!(since.matches(restart).count() == 1, "apply.sh has not started again once: {since}");
    ensure!(since.contains("meshwright: done; "), "{since}");
    expect_mode(cluster, "nftables")?;
    cluster.deliver_to_all()
}

const BOOTSTRAP_LOG: &str = "journalctl --unit meshwright-bootstrap --output cat --no-pager";

/// Settings of the API server, the scheduler and kubelet, by docs/operations.md, "Change settings of Kubernetes'
/// programs".
fn settings_changed(cluster: &mut Cluster) -> Result<()> {
    cluster.workspace.edit(|topology| {
        topology["kubeadm"]["api_server"]["event-ttl"] = value("2h");
        topology["kubeadm"]["scheduler"]["kube-api-burst"] = value(200);
        topology["kubeadm"]["kubelet"]["podPidsLimit"] = value(2048);
        Ok(())
    })?;
    cluster.workspace.compile()?;
    cluster.deliver_to_all()?;
    cluster.await_bootstrap()?;
    cluster
        .machine(INIT)?
        .run("kubeadm init phase upload-config kubeadm --config /etc/kubernetes/kubeadm.yaml")?;
    for machine in cluster.machines.values() {
        let line = "kubeadm upgrade node --config /etc/kubernetes/upgrade.yaml && systemctl restart kubelet";
        machine.run(line)?;
        let kubelet = machine.run("cat /var/lib/kubelet/config.yaml")?;
        ensure!(kubelet.contains("podPidsLimit: 2048\n"), "{}: {kubelet}", machine.name);
    }
    let running = cluster.machine(INIT)?.run("ps -eo args")?;
    for argument in ["--event-ttl=2h", "--kube-api-burst=200"] {
        ensure!(running.contains(argument), "no {argument}: {running}");
    }
    cluster.await_all_ready()?;
    expect_reachability(cluster)
}

/// A worker less, by docs/operations.md, "Remove a node".
fn worker_removed(cluster: &mut Cluster) -> Result<()> {
    cluster.kubectl(&format!("drain {ADDED} --ignore-daemonsets --delete-emptydir-data"))?;
    cluster.machine(ADDED)?.run("kubeadm reset --force")?;
    cluster.kubectl(&format!("delete node {ADDED}"))?;
    cluster.workspace.edit(|topology| {
        let nodes = topology["nodes"].as_array_of_tables_mut().context("nodes")?;
        nodes.retain(|node| node.get("name").and_then(Item::as_str) != Some(ADDED));
        topology["cluster"]["retired_ids"] = value(toml_edit::Array::from_iter([4_i64]));
        Ok(())
    })?;
    cluster.machines.remove(ADDED);
    cluster.workspace.compile()?;
    cluster.deliver_to_all()?;
    cluster.await_bootstrap()?;
    expect_reachability(cluster)
}

/// The table of a node in the topology, as docs/operations.md, "Add a node", describes it.
pub(super) fn declare_node(cluster: &Cluster, node: &str, id: i64, role: &str) -> Result<()> {
    let (address, _) = public_address(node).with_context(|| format!("no address of {node}"))?;
    cluster.workspace.edit(|topology| {
        let mut table = Table::new();
        table["name"] = value(node);
        table["id"] = value(id);
        table["role"] = value(role);
        table["os"] = value("debian-13");
        table["endpoint"] = value(address.to_string());
        topology["nodes"].as_array_of_tables_mut().context("nodes")?.push(table);
        Ok(())
    })
}

fn node_table<'topology>(
    topology: &'topology mut DocumentMut,
    node: &str,
) -> Result<&'topology mut Table> {
    let nodes = topology["nodes"].as_array_of_tables_mut().context("nodes")?;
    let mut tables = nodes.iter_mut();
    tables
        .find(|table| table.get("name").and_then(Item::as_str) == Some(node))
        .with_context(|| format!("no node {node}"))
}
