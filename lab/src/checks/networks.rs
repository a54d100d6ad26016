//! Networks behind a node and behind a server: nodes and pods reach them, and nothing comes from them.

use std::net::SocketAddr;

use anyhow::{Result, ensure};
use meshwright_value::Reach;

use crate::checks::{LabCheck, none_failed};
use crate::network::LabNetwork;
use crate::node::LabNode;
use crate::pod;
use crate::probe::{answers_ping, eventually};
use crate::server::{connect, reachable_targets};
use crate::world::World;

/// Checks that need such a topology. That clients reach their `reach` only is part of the checks of all clients.
pub const ALL: &[LabCheck] = &[
    LabCheck { name: "networks-open-to-nodes", run: open_to_nodes },
    LabCheck { name: "networks-open-to-pods", run: open_to_pods },
    LabCheck { name: "networks-open-to-clients", run: open_to_clients },
    LabCheck { name: "networks-open-no-connection", run: open_no_connection },
];

fn networks(world: &World) -> Result<&[LabNetwork]> {
    ensure!(!world.networks.is_empty(), "the topology has no network behind a machine");
    Ok(&world.networks)
}

/// Every node connects to the machine in every network, which sees the address of the machine that forwards, and that
/// of the node itself where it is in the network.
fn open_to_nodes(world: &World) -> Result<()> {
    for network in networks(world)? {
        let target = network.address.into();
        eventually(world.timeout, || {
            none_failed(world.nodes.iter().filter_map(|node| {
                let seen = connect(node.namespace(), target, pod::PORT).map(|answer| answer.peer);
                let reached = seen.is_ok_and(|peer| is_right(network, node, peer))
                    && answers_ping(node.namespace(), target);
                (!reached).then(|| format!("{} to {}", node.name(), network.name))
            }))
        })?;
    }
    Ok(())
}

/// Every pod does the same, except to a network that is closed to pods.
fn open_to_pods(world: &World) -> Result<()> {
    for network in networks(world)? {
        let target = network.address.into();
        eventually(world.timeout, || {
            none_failed(world.nodes.iter().filter_map(|node| {
                let from = &node.pod.namespace;
                let seen = connect(from, target, pod::PORT).map(|answer| answer.peer);
                let reached = seen.is_ok_and(|peer| is_right(network, node, peer));
                let as_expected = match network.pods {
                    true => reached && answers_ping(from, target),
                    false => !reached && !answers_ping(from, target),
                };
                (!as_expected).then(|| format!("{} to {}", node.pod.name, network.name))
            }))
        })?;
    }
    Ok(())
}

fn is_right(network: &LabNetwork, node: &LabNode, peer: std::net::IpAddr) -> bool {
    match node.lan.filter(|_| network.is_beside(node)) {
        Some(own) => peer == own,
        None => peer == network.gateway,
    }
}

/// A client with `networks` in its `reach` does the same.
fn open_to_clients(world: &World) -> Result<()> {
    let mut tried = 0;
    for client in world.clients.iter().filter(|client| client.reach.contains(&Reach::Networks)) {
        for network in networks(world)? {
            let from = &client.machine.namespace;
            eventually(world.timeout, || {
                let answer = connect(from, network.address.into(), pod::PORT)?;
                let name = &client.machine.name;
                ensure!(answer.peer == network.gateway, "{name} was seen as {}", answer.peer);
                Ok(())
            })?;
            tried += 1;
        }
    }
    ensure!(tried > 0, "no client has `networks` in its reach");
    Ok(())
}

/// A machine of a network routes the whole mesh to the machine that forwards, as its owner could: it reaches no node, no
/// pod and no Service, by TCP or ping, and the nodes still reach it.
fn open_no_connection(world: &World) -> Result<()> {
    for network in networks(world)? {
        for subnet in world.private_subnets() {
            network.namespace.ip(&format!("route replace {subnet} via {}", network.gateway))?;
        }
        let ports = world.private_ports();
        let others = || world.nodes.iter().filter(|node| node.name() != network.via);
        let targets = others().flat_map(|node| {
            let of_node = ports.iter().map(|port| SocketAddr::from((node.address, *port)));
            of_node.chain([SocketAddr::from((node.pod.address, pod::PORT))])
        });
        let reached = reachable_targets(&network.namespace, &targets.collect::<Vec<_>>())?;
        ensure!(reached.is_empty(), "{} reached {reached:?}", network.name);
        for node in others() {
            for target in [node.address, node.pod.address] {
                let pinged = answers_ping(&network.namespace, target.into());
                ensure!(!pinged, "{} reached {target}", network.name);
            }
        }
    }
    open_to_nodes(world)
}
