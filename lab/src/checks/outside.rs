//! The public side, seen by an outsider on the same wire.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::thread;
use std::time::Duration;

use anyhow::{Result, anyhow, ensure};

use crate::checks::{Check, none_failed};
use crate::probe::pings;
use crate::scan::answering_ports;
use crate::server::{ask, send_udp};
use crate::service;
use crate::underlay::outsider;
use crate::world::{Node, PRIVATE_PORTS, UDP_PORTS, World};

/// What the outsider tries.
pub const ALL: &[Check] = &[
    Check { name: "public-tcp-ports-closed", run: public_tcp_ports_closed },
    Check { name: "public-udp-ports-closed", run: public_udp_ports_closed },
    Check { name: "public-side-answers-pings", run: public_side_answers_pings },
    Check { name: "private-addresses-not-routed-in", run: private_addresses_not_routed_in },
];

/// All 65,535 ports of each public address. SSH must answer, or the scan saw nothing.
fn public_tcp_ports_closed(world: &World) -> Result<()> {
    let open = BTreeSet::from([world.tree.plan.firewall.ssh_port.get()]);
    let targets = world.nodes.iter().flat_map(Node::public_addresses);
    none_failed(targets.filter_map(|target| {
        let from = &world.underlay.outsider;
        match answering_ports(from, outsider(target), target) {
            Ok(answered) if answered == open => None,
            Ok(answered) => Some(format!("{target} answers on {answered:?}, not {open:?}")),
            Err(error) => Some(format!("{error:#}")),
        }
    }))
}

/// What comes in over the mesh is counted first, or the counters prove nothing.
fn public_udp_ports_closed(world: &World) -> Result<()> {
    for (node, _) in world.public_nodes() {
        let other = world.nodes.iter().find(|other| other.id != node.id);
        let other = other.ok_or_else(|| anyhow!("a mesh of one"))?;
        send_udp(other.namespace(), node.address.into(), &UDP_PORTS)?;
        thread::sleep(Duration::from_millis(200));
        let before = counts(node);
        ensure!(before.iter().all(|count| *count > 0), "{}: {before:?} by mesh", node.name());
        for target in node.public_addresses() {
            send_udp(&world.underlay.outsider, target, &UDP_PORTS)?;
        }
        thread::sleep(Duration::from_millis(200));
        let after = counts(node);
        ensure!(before == after, "{}: {before:?} became {after:?}", node.name());
    }
    Ok(())
}

fn counts(node: &Node) -> Vec<usize> {
    node.inboxes.iter().map(|inbox| inbox.count()).collect()
}

fn public_side_answers_pings(world: &World) -> Result<()> {
    let targets = world.nodes.iter().flat_map(Node::public_addresses);
    none_failed(targets.filter_map(|target| {
        (!pings(&world.underlay.outsider, target)).then(|| target.to_string())
    }))
}

/// The outsider routes private addresses to a node's public side (weak host model, lab.md §3.6).
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

fn reached_by_outsider(world: &World, node: &Node) -> Result<()> {
    let outsider = &world.underlay.outsider;
    let pods = world.nodes.iter().map(|node| node.pod.address);
    let addresses = pods.chain([node.address]).map(IpAddr::from);
    none_failed(addresses.filter(|address| pings(outsider, *address)).map(|address| {
        format!("{address} answers behind {}", node.name())
    }))?;
    let service = ask(outsider, world.service.address.into(), service::PORT);
    ensure!(service.is_err(), "the Service answers behind {}", node.name());
    let private = ask(outsider, node.address.into(), PRIVATE_PORTS[0]);
    ensure!(private.is_err(), "port {} answers behind {}", PRIVATE_PORTS[0], node.name());
    Ok(())
}
