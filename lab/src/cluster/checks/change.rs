//! Changes of the topology, by the commands of docs/operations.md.

use std::fs;

use anyhow::{Context as _, Result, ensure};
use toml_edit::{DocumentMut, Item, Table, value};

use super::power::{expect_reachability, ping};
use super::{CheckStep, ClusterCheck, none_failed};
use crate::cluster::founding::{Cluster, HOME, INIT, public_address};
use crate::cluster::stand_in::app;
use crate::cluster::workload::{self, SERVICE_PORT};
use crate::probe::eventually;

use CheckStep::Procedure;

/// The table.
pub const ALL: &[ClusterCheck] = &[
    ClusterCheck { name: "worker-added", step: Procedure(worker_added) },
    ClusterCheck { name: "key-rotated", step: Procedure(key_rotated) },
    ClusterCheck { name: "worker-rebuilt", step: Procedure(worker_rebuilt) },
    ClusterCheck { name: "kube-proxy-mode-changed", step: Procedure(kube_proxy_mode_changed) },
    ClusterCheck { name: "worker-removed", step: Procedure(worker_removed) },
];

/// The worker that is added and removed.
const ADDED: &str = "w2";

/// The two control planes that are added.
const CONTROL_PLANES: [&str; 2] = ["cp2", "cp3"];

/// A worker more: no packet between the other nodes is lost during all deliveries.
fn worker_added(cluster: &mut Cluster) -> Result<()> {
    let streams = [ping(cluster, INIT, "w1")?, ping(cluster, "w1", HOME)?];
    add_node(cluster, ADDED, 4, "worker")?;
    cluster.await_all_ready()?;
    for stream in streams {
        stream.expect(0)?;
    }
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
    cluster.kubectl("delete node w1")?;
    cluster.machines.remove("w1");
    cluster.switch_on("w1")?;
    cluster.await_preparation("w1")?;
    cluster.deliver("w1")?;
    cluster.await_all_ready()?;
    expect_reachability(cluster)
}

/// From nftables to iptables and back, while the cluster runs.
fn kube_proxy_mode_changed(cluster: &mut Cluster) -> Result<()> {
    for (mode, table) in [("iptables", "KUBE-SERVICES"), ("nftables", "table ip kube-proxy")] {
        cluster.workspace.edit(|topology| {
            topology["kube_proxy"]["mode"] = value(mode);
            Ok(())
        })?;
        cluster.workspace.compile()?;
        cluster.deliver_to_all()?;
        cluster.await_bootstrap()?;
        eventually(cluster.timeout, || {
            for machine in cluster.machines.values() {
                let rules = machine.run("nft list ruleset 2>/dev/null")?;
                ensure!(rules.contains(table), "{}: no {table} in mode {mode}", machine.name);
            }
            Ok(())
        })?;
        expect_reachability(cluster).with_context(|| format!("mode {mode}"))?;
    }
    Ok(())
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

/// From one control plane to three, and the loss of the one that initialised the cluster.
pub const CONTROL_PLANES_ADDED: &[ClusterCheck] = &[
    ClusterCheck {
        name: "one-to-three-control-planes",
        step: Procedure(one_to_three_control_planes),
    },
    ClusterCheck { name: "api-without-init-node", step: Procedure(api_without_init_node) },
];

fn one_to_three_control_planes(cluster: &mut Cluster) -> Result<()> {
    for (node, id) in CONTROL_PLANES.into_iter().zip(5..) {
        declare_node(cluster, node, id, "control-plane")?;
    }
    cluster.workspace.compile()?;
    cluster.deliver_to_all()?;
    for node in CONTROL_PLANES {
        cluster.switch_on(node)?;
    }
    for node in CONTROL_PLANES {
        cluster.await_preparation(node)?;
        cluster.deliver(node)?;
    }
    cluster.await_all_ready()?;
    cluster.await_bootstrap()?;
    expect_reachability(cluster)
}

/// A Service that is created after the loss is known on every node that is left.
fn api_without_init_node(cluster: &mut Cluster) -> Result<()> {
    cluster.machines.remove(INIT);
    CONTROL_PLANES[0].clone_into(&mut cluster.control_plane);
    eventually(cluster.timeout, || cluster.kubectl("get nodes"))?;
    // While etcd elects a leader, single requests may still fail.
    let address = eventually(cluster.timeout, || workload::create_service(cluster, "late"))?;
    eventually(cluster.timeout, || {
        let mut failures = Vec::new();
        for machine in cluster.machines.values() {
            let target = format!("{address}:{SERVICE_PORT}");
            if let Err(error) = machine.namespace()?.enter(|| app::get(&target)) {
                failures.push(format!("{} to a new Service: {error:#}", machine.name));
            }
        }
        none_failed(failures)
    })
}

/// Adds a machine by docs/operations.md, "Add a node".
fn add_node(cluster: &mut Cluster, node: &str, id: i64, role: &str) -> Result<()> {
    declare_node(cluster, node, id, role)?;
    cluster.workspace.compile()?;
    cluster.deliver_to_all()?;
    cluster.switch_on(node)?;
    cluster.await_preparation(node)?;
    cluster.deliver(node).map(drop)
}

fn declare_node(cluster: &Cluster, node: &str, id: i64, role: &str) -> Result<()> {
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
