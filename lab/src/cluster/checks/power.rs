//! Power cuts and reboots. After each the whole table of reachability must hold again.

use anyhow::{Context as _, Result};

use super::reachability::{self, Expected, Sender, Target};
use super::{CheckStep, ClusterCheck};
use crate::cluster::founding::{Cluster, HOME, INIT};
use crate::probe::PingStream;

use CheckStep::Procedure;

/// The table.
pub const ALL: &[ClusterCheck] = &[
    ClusterCheck { name: "each-machine-reboots", step: Procedure(each_machine_reboots) },
    ClusterCheck {
        name: "init-node-and-home-lose-power",
        step: Procedure(init_node_and_home_lose_power),
    },
];

/// One machine after the other reboots; the other nodes lose no packet.
fn each_machine_reboots(cluster: &mut Cluster) -> Result<()> {
    let nodes: Vec<_> = cluster.machines.keys().cloned().collect();
    for node in &nodes {
        let mut others = nodes.iter().filter(|other| *other != node);
        let (from, to) = (others.next().context("a node")?, others.next().context("a node")?);
        let stream = ping(cluster, from, to)?;
        reboot(cluster, node).with_context(|| format!("{node} reboots"))?;
        stream.expect(0).with_context(|| format!("{node} reboots"))?;
    }
    Ok(())
}

fn reboot(cluster: &Cluster, node: &str) -> Result<()> {
    cluster.machine(node)?.reboot()?;
    cluster.report(&format!("{node} has booted"));
    cluster.await_all_ready()?;
    expect_reachability(cluster)?;
    cluster.report(&format!("{node} works as before"));
    Ok(())
}

/// A power cut of the control plane and the node behind NAT together.
fn init_node_and_home_lose_power(cluster: &mut Cluster) -> Result<()> {
    cluster.machine(INIT)?.cut_power()?;
    cluster.machine(HOME)?.cut_power()?;
    cluster.await_all_ready()?;
    expect_reachability(cluster)
}

/// Echo requests between two nodes over the mesh.
pub(super) fn ping(cluster: &Cluster, from: &str, to: &str) -> Result<PingStream> {
    let addresses = cluster.mesh_addresses()?;
    let address = addresses.get(to).with_context(|| format!("no node {to}"))?;
    PingStream::start(&cluster.machine(from)?.namespace()?, (*address).into())
}

/// Pods, Services, names and NodePorts, from pods and nodes.
pub(super) fn expect_reachability(cluster: &Cluster) -> Result<()> {
    for (from, to) in [
        (Sender::Pods, Target::Pods),
        (Sender::Nodes, Target::Pods),
        (Sender::Pods, Target::Service),
        (Sender::Nodes, Target::Service),
        (Sender::Pods, Target::ServiceName),
        (Sender::Nodes, Target::NodePorts),
    ] {
        reachability::run(cluster, from, to, Expected::Answer)
            .with_context(|| format!("{from:?} to {to:?}"))?;
    }
    Ok(())
}
