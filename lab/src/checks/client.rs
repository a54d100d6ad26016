//! Clients: each reaches the targets of its `reach`, and nothing else.

use std::net::SocketAddr;

use anyhow::{Result, ensure};
use meshwright_compiler::plan::control_plane::API_PORT;
use meshwright_value::Reach;

use crate::checks::LabCheck;
use crate::client::LabClient;
use crate::pod;
use crate::probe::{answers_ping, eventually};
use crate::server::{connect, reachable_targets};
use crate::service;
use crate::world::World;

/// Attempts from each client.
pub const ALL: &[LabCheck] = &[
    LabCheck { name: "client-reaches-allowed", run: reaches_allowed },
    LabCheck { name: "client-isolation", run: isolation },
];

/// The API and SSH of every node, every pod and the Service, as far as `reach` lists them.
fn reaches_allowed(world: &World) -> Result<()> {
    let ssh = world.tree.plan.firewall.ssh_port.get();
    for client in &world.clients {
        let from = &client.machine.namespace;
        for node in &world.nodes {
            if client.reach.contains(&Reach::Nodes) {
                eventually(world.timeout, || {
                    ensure!(
                        answers_ping(from, node.address.into()),
                        "{} does not answer",
                        node.name()
                    );
                    Ok(())
                })?;
                connect(from, node.address.into(), ssh)?;
                connect(from, node.address.into(), API_PORT)?;
            }
            if client.reach.contains(&Reach::Pods) {
                let answer = connect(from, node.pod.address.into(), pod::PORT)?;
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
                connect(from, world.service.address.into(), service::PORT)?;
            }
        }
    }
    Ok(())
}

/// The client first widens its AllowedIPs to all private addresses, as its owner could.
fn isolation(world: &World) -> Result<()> {
    world.clients.iter().try_for_each(|client| widen(world, client))?;
    for client in &world.clients {
        let name = &client.machine.name;
        await_tunnel(world, client)?;
        let reached =
            reachable_targets(&client.machine.namespace, &forbidden_targets(world, client))?;
        ensure!(reached.is_empty(), "{name} reached {reached:?}");
        let others = world.clients.iter().filter(|other| other.address != client.address);
        for other in others {
            let reached = answers_ping(&client.machine.namespace, other.address.into());
            ensure!(!reached, "{name} reached {}", other.machine.name);
        }
    }
    Ok(())
}

/// Routes all private addresses that have no peer to `via`.
fn widen(world: &World, client: &LabClient) -> Result<()> {
    let interface = world.tree.plan.wireguard.interface.as_str();
    let subnets: Vec<_> = world.private_subnets().iter().map(ToString::to_string).collect();
    for subnet in &subnets {
        client.machine.run(&["ip", "route", "replace", subnet, "dev", interface])?;
    }
    let allowed_ips = subnets.join(",");
    let peer = ["peer", client.via.as_str(), "allowed-ips", &allowed_ips];
    client.machine.run(&[&["wg", "set", interface], peer.as_slice()].concat())?;
    Ok(())
}

/// Targets that no client may connect to, and those that the `reach` of this one does not list.
fn forbidden_targets(world: &World, client: &LabClient) -> Vec<SocketAddr> {
    let reaches = |what: Reach| client.reach.contains(&what);
    let open = if reaches(Reach::Nodes) { open_ports(world) } else { Vec::new() };
    let ports: Vec<_> = [world.private_ports(), vec![service::NODE_PORT]].concat();
    let mut targets = Vec::new();
    for node in &world.nodes {
        let forbidden = ports.iter().filter(|port| !open.contains(port));
        targets.extend(forbidden.map(|port| SocketAddr::from((node.address, *port))));
        if !reaches(Reach::Pods) {
            targets.push(SocketAddr::from((node.pod.address, pod::PORT)));
        }
    }
    if !reaches(Reach::Services) {
        targets.push(SocketAddr::from((world.service.address, service::PORT)));
    }
    targets
}

fn open_ports(world: &World) -> Vec<u16> {
    vec![API_PORT, world.tree.plan.firewall.ssh_port.get()]
}

/// Without a tunnel, an unreachable target proves nothing.
fn await_tunnel(world: &World, client: &LabClient) -> Result<()> {
    let interface = world.tree.plan.wireguard.interface.as_str();
    eventually(world.timeout, || {
        let from = &client.machine.namespace;
        // Answered or not, the packet makes the client start a handshake.
        let _ = answers_ping(from, world.service.address.into());
        let shown = client.machine.run(&["wg", "show", interface, "latest-handshakes"])?;
        let has_handshake = shown.lines().any(|line| !line.ends_with("\t0"));
        ensure!(has_handshake, "{} has no handshake", client.machine.name);
        Ok(())
    })
}
