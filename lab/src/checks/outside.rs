//! The public side: an outsider on the same bridge sends the packets.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

use crate::checks::{LabCheck, none_failed};
use crate::node::{LabNode, UDP_PORTS};
use crate::pod;
use crate::probe::{answering_addresses, answers_ping, eventually, in_parallel};
use crate::scan::answering_ports;
use crate::server::{reachable_targets, send_udp};
use crate::service;
use crate::underlay::outsider_address;
use crate::world::World;

/// How long a datagram may need to arrive: there is no sign that one was dropped.
const DELIVERY_TIME: Duration = Duration::from_secs(1);

/// Attempts of the outsider.
pub const ALL: &[LabCheck] = &[
    LabCheck { name: "public-tcp-ports-closed", run: public_tcp_ports_closed },
    LabCheck { name: "public-udp-ports-closed", run: public_udp_ports_closed },
    LabCheck { name: "public-addresses-answer-ping", run: public_addresses_answer_ping },
    LabCheck {
        name: "private-addresses-closed-from-outside",
        run: private_addresses_closed_from_outside,
    },
];

/// Scans all 65,535 ports of each public address. SSH must answer if `ssh_from` contains the outsider; in
/// such a topology, that also shows that the scan works.
fn public_tcp_ports_closed(world: &World) -> Result<()> {
    let addresses = |node| LabNode::public_addresses(node).into_iter().map(move |to| (node, to));
    let targets: Vec<_> = world.nodes.iter().flat_map(addresses).collect();
    let failures = in_parallel(&targets, |(node, target)| {
        let open = open_to_outsider(world, node, outsider_address(*target));
        match answering_ports(&world.underlay.outsider, outsider_address(*target), *target) {
            Ok(answered) if answered == open => None,
            Ok(answered) => Some(format!("{target} answers on {answered:?}, not {open:?}")),
            Err(error) => Some(format!("{error:#}")),
        }
    });
    none_failed(failures.into_iter().flatten())
}

fn open_to_outsider(world: &World, node: &LabNode, outsider: IpAddr) -> BTreeSet<u16> {
    let plan = &world.tree.plan;
    let planned = plan.nodes.iter().find(|planned| planned.id.get() == node.id);
    let mut sources = planned.into_iter().flat_map(|planned| &planned.ssh_from);
    let listed = sources.any(|source| source.net().contains(&outsider));
    listed.then(|| plan.firewall.ssh_port.get()).into_iter().collect()
}

/// The counters must first count packets over the mesh, otherwise zero proves nothing.
fn public_udp_ports_closed(world: &World) -> Result<()> {
    for (node, _) in world.public_nodes() {
        let other = world.nodes.iter().find(|other| other.id != node.id);
        let sender = other.context("the mesh has one node")?;
        send_udp(sender.namespace(), node.address.into(), &UDP_PORTS)?;
        let before = eventually(world.timeout, || {
            let counts = inbox_counts(node);
            ensure!(
                counts.iter().all(|count| *count > 0),
                "{}: {counts:?} over the mesh",
                node.name()
            );
            Ok(counts)
        })?;
        for target in node.public_addresses() {
            send_udp(&world.underlay.outsider, target, &UDP_PORTS)?;
        }
        thread::sleep(DELIVERY_TIME);
        let after = inbox_counts(node);
        ensure!(before == after, "{}: {before:?} became {after:?}", node.name());
    }
    Ok(())
}

fn inbox_counts(node: &LabNode) -> Vec<usize> {
    node.inboxes.iter().map(|inbox| inbox.count()).collect()
}

fn public_addresses_answer_ping(world: &World) -> Result<()> {
    let targets = world.nodes.iter().flat_map(LabNode::public_addresses);
    let silent = targets.filter(|target| !answers_ping(&world.underlay.outsider, *target));
    none_failed(silent.map(|target| target.to_string()))
}

/// The outsider sends packets for private addresses to a node's public address. Linux accepts a packet for
/// any of its addresses on any interface (weak host model, RFC 1122 §3.3.4.2).
fn private_addresses_closed_from_outside(world: &World) -> Result<()> {
    let outsider = &world.underlay.outsider;
    for (node, public) in world.public_nodes() {
        // Over IPv6, no packet for these addresses reaches a node.
        let Some(v4) = public.v4 else { continue };
        for subnet in world.private_subnets() {
            outsider.ip(&format!("route replace {subnet} via {v4} dev eth0"))?;
        }
        let reached = reached_by_outsider(world, node);
        for subnet in world.private_subnets() {
            outsider.ip(&format!("route del {subnet}"))?;
        }
        reached?;
    }
    Ok(())
}

fn reached_by_outsider(world: &World, node: &LabNode) -> Result<()> {
    let outsider = &world.underlay.outsider;
    let pods = world.nodes.iter().map(|node| node.pod.address);
    let addresses: Vec<_> = pods.chain([node.address]).map(IpAddr::from).collect();
    let answered = answering_addresses(outsider, &addresses);
    ensure!(answered.is_empty(), "{answered:?} answer through {}", node.name());
    let ports = world.private_ports();
    let mut targets: Vec<_> =
        ports.iter().map(|port| SocketAddr::from((node.address, *port))).collect();
    targets.push(SocketAddr::from((world.service.address, service::PORT)));
    targets.push(SocketAddr::from((node.pod.address, pod::PORT)));
    let reached = reachable_targets(outsider, &targets)?;
    ensure!(reached.is_empty(), "{reached:?} answer through {}", node.name());
    Ok(())
}
