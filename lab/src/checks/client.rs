//! Clients: each reaches the targets of its `reach` from its own address, and nothing else. No pod reaches a
//! client.

use std::net::{Ipv4Addr, SocketAddr};
use std::thread;
use std::time::Duration;

use anyhow::{Result, ensure};
use meshwright_compiler::plan::control_plane::API_PORT;
use meshwright_value::Reach;

use crate::checks::mesh::answers_as_dns;
use crate::checks::{LabCheck, none_failed};
use crate::client::LabClient;
use crate::pod;
use crate::probe::{answers_ping, eventually, in_parallel};
use crate::server::{connect, exchange_udp, reachable_targets, send_udp};
use crate::service;
use crate::world::World;

/// Attempts from each client.
pub const ALL: &[LabCheck] = &[
    LabCheck { name: "client-reaches-allowed", run: reaches_allowed },
    LabCheck { name: "client-second-address", run: second_address },
    LabCheck { name: "client-isolation", run: isolation },
    LabCheck { name: "clients-closed-to-pods", run: closed_to_pods },
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
                exchange_udp(from, node.pod.address.into(), pod::PORT)?;
            }
        }
        if client.reach.contains(&Reach::Services) {
            for _ in &world.service.endpoints {
                connect(from, world.service.address.into(), service::PORT)?;
            }
            answers_as_dns(world, from)?;
        }
    }
    Ok(())
}

/// A client's key must not vouch for a further address, which no rule of the firewall knows: the client
/// takes the other address of its /31, and sends from it.
fn second_address(world: &World) -> Result<()> {
    for client in &world.clients {
        await_tunnel(world, client)?;
        let second = Ipv4Addr::from(u32::from(client.address) ^ 1);
        let owned = world.nodes.iter().any(|node| node.address == second)
            || world.clients.iter().any(|other| other.address == second);
        if owned {
            continue;
        }
        let interface = world.tree.plan.wireguard.interface.as_str();
        client.machine.run(&["ip", "address", "add", &format!("{second}/32"), "dev", interface])?;
        let reached = send_from(world, client, second)
            .and_then(|()| reachable_targets(&client.machine.namespace, &all_targets(world)));
        send_from(world, client, client.address)?;
        client.machine.run(&["ip", "address", "del", &format!("{second}/32"), "dev", interface])?;
        let reached = reached?;
        let name = &client.machine.name;
        ensure!(reached.is_empty(), "{name} reached {reached:?} from {second}");
    }
    Ok(())
}

/// Sets the source of the client's packets to nodes and pods.
fn send_from(world: &World, client: &LabClient, source: Ipv4Addr) -> Result<()> {
    let interface = world.tree.plan.wireguard.interface.as_str();
    let lines = world.nodes.iter().flat_map(|node| {
        [node.address.to_string(), node.block.to_string()]
            .map(|target| format!("route replace {target} dev {interface} src {source}\n"))
    });
    client.machine.namespace.ip(&lines.collect::<String>()).map(drop)
}

/// All ports of all nodes and pods.
fn all_targets(world: &World) -> Vec<SocketAddr> {
    let ports = world.private_ports();
    let targets = world.nodes.iter().flat_map(|node| {
        let of_node = ports.iter().map(|port| SocketAddr::from((node.address, *port)));
        of_node.chain([SocketAddr::from((node.pod.address, pod::PORT))])
    });
    targets.collect()
}

/// No pod opens a connection to a client, by TCP or UDP, even if the client's own file accepts all pods.
/// Nodes reach it, so the tunnels work.
fn closed_to_pods(world: &World) -> Result<()> {
    for client in world.clients.iter().filter(|client| !client.is_server) {
        accept_all_pods(world, client)?;
        await_tunnel(world, client)?;
        let target = SocketAddr::from((client.address, pod::PORT));
        for node in &world.nodes {
            eventually(world.timeout, || {
                connect(node.namespace(), target.ip(), target.port()).map(drop)
            })?;
        }
        send_udp(world.nodes[0].namespace(), target.ip(), &[target.port()])?;
        eventually(world.timeout, || {
            ensure!(client.inbox.count() > 0, "no datagram of a node arrives");
            Ok(())
        })?;
        let before = client.inbox.count();
        let pods: Vec<_> = world.nodes.iter().map(|node| &node.pod).collect();
        let errors = in_parallel(&pods, |pod| {
            send_udp(&pod.namespace, target.ip(), &[target.port()])?;
            let reached = reachable_targets(&pod.namespace, &[target])?;
            let pinged = answers_ping(&pod.namespace, target.ip());
            ensure!(reached.is_empty() && !pinged, "{} reached {target}", pod.name);
            Ok(())
        });
        none_failed(errors.into_iter().filter_map(Result::err).map(|error| format!("{error:#}")))?;
        thread::sleep(DELIVERY_TIME);
        let after = client.inbox.count();
        ensure!(before == after, "{} received datagrams of pods", client.machine.name);
    }
    Ok(())
}

/// How long a datagram may need to arrive: there is no sign that one was dropped.
const DELIVERY_TIME: Duration = Duration::from_millis(500);

/// The client calls every public node, also those that its file does not name, and accepts the addresses of
/// all nodes and pods: its owner could edit the file so.
fn accept_all_pods(world: &World, client: &LabClient) -> Result<()> {
    let interface = world.tree.plan.wireguard.interface.as_str();
    let mut through_via = Vec::new();
    for (node, planned) in world.nodes.iter().zip(&world.tree.plan.nodes) {
        let allowed = [format!("{}/32", node.address), node.block.to_string()];
        let key = planned.public_key.to_string();
        let v4 = node.public_v4().filter(|_| key != client.via);
        let Some(v4) = v4 else {
            through_via.extend(allowed);
            continue;
        };
        let endpoint = SocketAddr::from((v4, planned.listen_port.get()));
        let (endpoint, allowed) = (endpoint.to_string(), allowed.join(","));
        let peer = ["peer", &key, "endpoint", &endpoint, "allowed-ips", &allowed];
        let call = ["persistent-keepalive", "25"];
        client.machine.run(&[&["wg", "set", interface], &peer[..], &call].concat())?;
        if world.tree.plan.wireguard.preshared_keys {
            let file = format!("/etc/wireguard/{interface}.psk/{}", node.name());
            let set = ["wg", "set", interface, "peer", &key, "preshared-key", &file];
            client.machine.run(&set)?;
        }
    }
    let allowed = through_via.join(",");
    let via = ["wg", "set", interface, "peer", &client.via, "allowed-ips", &allowed];
    client.machine.run(&via)?;
    send_from(world, client, client.address)
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
    let networks = world.networks.iter().map(|network| network.subnet);
    let subnets = world.private_subnets().into_iter().chain(networks);
    let subnets: Vec<_> = subnets.map(|subnet| subnet.to_string()).collect();
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
    // A machine reaches the networks that it is in.
    let others = world.networks.iter().filter(|network| network.via != client.machine.name);
    if !reaches(Reach::Networks) {
        targets.extend(others.map(|network| SocketAddr::from((network.address, pod::PORT))));
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
