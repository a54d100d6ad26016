//! Clients: each reaches what its `reach` says, and nothing else.

use std::net::SocketAddr;

use anyhow::{Result, ensure};
use meshwright_compiler::plan::control_plane::API_PORT;
use meshwright_value::Reach;

use crate::checks::LabCheck;
use crate::client::LabClient;
use crate::pod;
use crate::probe::{eventually, pings};
use crate::server::{ask, not_dropped};
use crate::service;
use crate::world::World;

/// What is tried from each client.
pub const ALL: &[LabCheck] = &[
    LabCheck { name: "client-reaches-what-it-may", run: reaches_what_it_may },
    LabCheck { name: "client-reaches-nothing-else", run: reaches_nothing_else },
];

/// The API and SSH of every node, every pod, and the Service.
fn reaches_what_it_may(world: &World) -> Result<()> {
    let ssh = world.tree.plan.firewall.ssh_port.get();
    for client in &world.clients {
        let from = &client.machine.namespace;
        for node in &world.nodes {
            if client.reach.contains(&Reach::Nodes) {
                eventually(world.patience, || {
                    ensure!(pings(from, node.address.into()), "{} is silent", node.name());
                    Ok(())
                })?;
                ask(from, node.address.into(), ssh)?;
                ask(from, node.address.into(), API_PORT)?;
            }
            if client.reach.contains(&Reach::Pods) {
                let answer = ask(from, node.pod.address.into(), pod::PORT)?;
                ensure!(
                    answer.peer == client.address,
                    "{} was seen as {}",
                    from.name(),
                    answer.peer
                );
            }
        }
        if client.reach.contains(&Reach::Services) {
            for _ in &world.service.endpoints {
                ask(from, world.service.address.into(), service::PORT)?;
            }
        }
    }
    Ok(())
}

/// With AllowedIPs widened to all private addresses, as the client's owner could.
fn reaches_nothing_else(world: &World) -> Result<()> {
    world.clients.iter().try_for_each(|client| widen(world, client))?;
    for client in &world.clients {
        let name = &client.machine.name;
        await_tunnel(world, client)?;
        let reached = not_dropped(&client.machine.namespace, &closed(world, client))?;
        ensure!(reached.is_empty(), "{name} reached {reached:?}");
        let others = world.clients.iter().filter(|other| other.address != client.address);
        for other in others {
            let reached = pings(&client.machine.namespace, other.address.into());
            ensure!(!reached, "{name} reached {}", other.machine.name);
        }
    }
    Ok(())
}

/// `via` becomes the way to all that has no peer of its own.
fn widen(world: &World, client: &LabClient) -> Result<()> {
    let interface = world.tree.plan.wireguard.interface.as_str();
    let subnets: Vec<_> = world.private_subnets().iter().map(ToString::to_string).collect();
    for subnet in &subnets {
        client.machine.run(&["ip", "route", "replace", subnet, "dev", interface])?;
    }
    let (via, subnets) = (client.via.as_str(), subnets.join(","));
    client.machine.run(&["wg", "set", interface, "peer", via, "allowed-ips", &subnets])?;
    Ok(())
}

/// What nobody's client may connect to, and what this one's `reach` leaves out.
fn closed(world: &World, client: &LabClient) -> Vec<SocketAddr> {
    let reaches = |what: Reach| client.reach.contains(&what);
    let open = if reaches(Reach::Nodes) { open_ports(world) } else { Vec::new() };
    let ports: Vec<_> = [world.private_ports(), vec![service::NODE_PORT]].concat();
    let mut closed = Vec::new();
    for node in &world.nodes {
        let ports = ports.iter().filter(|port| !open.contains(port));
        closed.extend(ports.map(|port| SocketAddr::from((node.address, *port))));
        if !reaches(Reach::Pods) {
            closed.push(SocketAddr::from((node.pod.address, pod::PORT)));
        }
    }
    if !reaches(Reach::Services) {
        closed.push(SocketAddr::from((world.service.address, service::PORT)));
    }
    closed
}

fn open_ports(world: &World) -> Vec<u16> {
    vec![API_PORT, world.tree.plan.firewall.ssh_port.get()]
}

/// What is not reached for want of a tunnel proves nothing.
fn await_tunnel(world: &World, client: &LabClient) -> Result<()> {
    let interface = world.tree.plan.wireguard.interface.as_str();
    eventually(world.patience, || {
        let from = &client.machine.namespace;
        // Answered or not, it makes the client call.
        let _ = pings(from, world.service.address.into());
        let shown = client.machine.run(&["wg", "show", interface, "latest-handshakes"])?;
        let via = shown.lines().any(|line| !line.ends_with("\t0"));
        ensure!(via, "{} has no handshake", client.machine.name);
        Ok(())
    })
}
