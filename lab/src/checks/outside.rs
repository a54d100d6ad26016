//! The public side, seen by an outsider on the same wire.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::thread;
use std::time::Duration;

use anyhow::{Result, anyhow, ensure};

use crate::checks::{LabCheck, none_failed};
use crate::node::{LabNode, UDP_PORTS};
use crate::pod;
use crate::probe::{all_at_once, answering, eventually, pings};
use crate::scan::answering_ports;
use crate::server::{not_dropped, send_udp};
use crate::service;
use crate::underlay::outsider;
use crate::world::World;

/// How long a datagram may need to arrive: nothing says that one was dropped.
const ARRIVED: Duration = Duration::from_secs(1);

/// What the outsider tries.
pub const ALL: &[LabCheck] = &[
    LabCheck { name: "public-tcp-ports-closed", run: public_tcp_ports_closed },
    LabCheck { name: "public-udp-ports-closed", run: public_udp_ports_closed },
    LabCheck { name: "public-side-answers-pings", run: public_side_answers_pings },
    LabCheck { name: "private-addresses-not-routed-in", run: private_addresses_not_routed_in },
];

/// All 65,535 ports of each public address. SSH answers where its sources say so; in a topology that
/// lets the outsider in, that is also the proof that the scan sees something.
fn public_tcp_ports_closed(world: &World) -> Result<()> {
    let targets: Vec<_> = world.nodes.iter().flat_map(LabNode::public_addresses).collect();
    let failed = all_at_once(&targets, |target| {
        let open = open_to_outsider(world, outsider(*target));
        match answering_ports(&world.underlay.outsider, outsider(*target), *target) {
            Ok(answered) if answered == open => None,
            Ok(answered) => Some(format!("{target} answers on {answered:?}, not {open:?}")),
            Err(error) => Some(format!("{error:#}")),
        }
    });
    none_failed(failed.into_iter().flatten())
}

fn open_to_outsider(world: &World, outsider: IpAddr) -> BTreeSet<u16> {
    let firewall = &world.tree.plan.firewall;
    let mut sources = firewall.ssh_from_v4.iter().chain(&firewall.ssh_from_v6);
    let listed = sources.any(|source| source.net().contains(&outsider));
    listed.then(|| firewall.ssh_port.get()).into_iter().collect()
}

/// What comes in over the mesh is counted first, or the counters prove nothing.
fn public_udp_ports_closed(world: &World) -> Result<()> {
    for (node, _) in world.public_nodes() {
        let other = world.nodes.iter().find(|other| other.id != node.id);
        let other = other.ok_or_else(|| anyhow!("a mesh of one"))?;
        send_udp(other.namespace(), node.address.into(), &UDP_PORTS)?;
        let before = eventually(world.patience, || {
            let counts = counts(node);
            ensure!(counts.iter().all(|count| *count > 0), "{}: {counts:?} by mesh", node.name());
            Ok(counts)
        })?;
        for target in node.public_addresses() {
            send_udp(&world.underlay.outsider, target, &UDP_PORTS)?;
        }
        thread::sleep(ARRIVED);
        let after = counts(node);
        ensure!(before == after, "{}: {before:?} became {after:?}", node.name());
    }
    Ok(())
}

fn counts(node: &LabNode) -> Vec<usize> {
    node.inboxes.iter().map(|inbox| inbox.count()).collect()
}

fn public_side_answers_pings(world: &World) -> Result<()> {
    let targets = world.nodes.iter().flat_map(LabNode::public_addresses);
    let silent = targets.filter(|target| !pings(&world.underlay.outsider, *target));
    none_failed(silent.map(|target| target.to_string()))
}

/// The outsider routes private addresses to a node's public side (weak host model).
fn private_addresses_not_routed_in(world: &World) -> Result<()> {
    let outsider = &world.underlay.outsider;
    for (node, public) in world.public_nodes() {
        for subnet in world.private_subnets() {
            outsider.ip(&format!("route replace {subnet} via {} dev eth0", public.v4))?;
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
    let answered = answering(outsider, &addresses);
    ensure!(answered.is_empty(), "{answered:?} answer behind {}", node.name());
    let ports = world.private_ports();
    let mut targets: Vec<_> =
        ports.iter().map(|port| SocketAddr::from((node.address, *port))).collect();
    targets.push(SocketAddr::from((world.service.address, service::PORT)));
    targets.push(SocketAddr::from((node.pod.address, pod::PORT)));
    let reached = not_dropped(outsider, &targets)?;
    ensure!(reached.is_empty(), "{reached:?} answer behind {}", node.name());
    Ok(())
}
