//! The mesh: all nodes and pods reach each other, and the underlay carries only WireGuard.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};

use anyhow::{Result, ensure};
use meshwright_compiler::plan::control_plane::API_PORT;

use crate::checks::{LabCheck, none_failed};
use crate::namespace::Namespace;
use crate::node::{LabNode, UDP_SERVICE};
use crate::pod;
use crate::probe::{answers_full_size_ping, answers_ping, eventually, in_parallel};
use crate::server::{ServerAnswer, connect, exchange_udp, reachable_targets};
use crate::service;
use crate::underlay;
use crate::world::World;

/// In the order in which their failures are easiest to understand.
pub const ALL: &[LabCheck] = &[
    LabCheck { name: "node-pairs", run: node_pairs },
    LabCheck { name: "bgp-routes", run: bgp_routes },
    LabCheck { name: "pod-pairs", run: pod_pairs },
    LabCheck { name: "node-to-pod", run: node_to_pod },
    LabCheck { name: "cluster-ip-from-pods", run: cluster_ip_from_pods },
    LabCheck { name: "cluster-ip-from-nodes", run: cluster_ip_from_nodes },
    LabCheck { name: "node-ports-inside", run: node_ports_inside },
    LabCheck { name: "udp-in-mesh", run: udp_in_mesh },
    LabCheck { name: "cluster-dns", run: cluster_dns },
    LabCheck { name: "full-size-packets", run: full_size_packets },
    LabCheck { name: "underlay-carries-only-wireguard", run: underlay_carries_only_wireguard },
    LabCheck { name: "pods-reach-internet", run: pods_reach_internet },
    LabCheck { name: "metadata-closed-to-pods", run: metadata_closed_to_pods },
    LabCheck { name: "private-ports-open-in-mesh", run: private_ports_open },
    LabCheck { name: "pods-reach-nodes", run: pods_reach_nodes },
    LabCheck { name: "hosts-closed-to-pods", run: hosts_closed_to_pods },
    LabCheck { name: "ssh-closed-to-nodes", run: ssh_closed_to_nodes },
];

pub(super) fn node_pairs(world: &World) -> Result<()> {
    eventually(world.timeout, || {
        none_failed(world.pairs().filter_map(|(one, other)| {
            let reached = answers_ping(one.namespace(), other.address.into());
            (!reached).then(|| format!("{} to {}", one.name(), other.name()))
        }))
    })
}

/// Pod to pod in both directions. No other check fails when AllowedIPs lacks a block (observed with
/// wireguard-go, 2026-11).
pub(super) fn pod_pairs(world: &World) -> Result<()> {
    eventually(world.timeout, || pod_pairs_now(world))
}

pub(super) fn pod_pairs_now(world: &World) -> Result<()> {
    none_failed(world.pairs().filter_map(|(one, other)| {
        let reached = answers_ping(&one.pod.namespace, other.pod.address.into());
        (!reached).then(|| format!("{} to {}", one.pod.name, other.pod.name))
    }))
}

/// Only a node itself advertises its block, and all routes into the mesh are BIRD's or the emitted static
/// routes. A route that wg-quick adds (`Table`) would override both, and BIRD would advertise it.
fn bgp_routes(world: &World) -> Result<()> {
    world.await_bgp()?;
    eventually(world.timeout, || {
        none_failed(world.nodes.iter().filter_map(|node| {
            let expected = blocks_of_others(world, node);
            let routed = bgp_routed(node).unwrap_or_default();
            (routed != expected).then(|| format!("{}: {routed:?}, not {expected:?}", node.name()))
        }))
    })?;
    let interface = world.tree.plan.wireguard.interface.as_str();
    let foreign = world.nodes.iter().map(|node| foreign_mesh_routes(node, interface));
    none_failed(foreign.collect::<Result<Vec<_>>>()?.into_iter().flatten())
}

fn foreign_mesh_routes(node: &LabNode, interface: &str) -> Result<Vec<String>> {
    let routes = node.machine.run(&["ip", "-4", "route", "show"])?;
    let foreign = routes.lines().filter(|route| {
        let ours = route.contains(" proto kernel ") || route.contains(" proto bird ");
        route.contains(&format!(" dev {interface} ")) && !ours
    });
    Ok(foreign.map(|route| format!("{}: {route}", node.name())).collect())
}

fn blocks_of_others(world: &World, node: &LabNode) -> BTreeSet<String> {
    let others = world.nodes.iter().filter(|other| other.id != node.id);
    others.map(|other| other.block.to_string()).collect()
}

fn bgp_routed(node: &LabNode) -> Result<BTreeSet<String>> {
    let routes = node.machine.run(&["ip", "-4", "route", "show", "proto", "bird"])?;
    let through_mesh = routes.lines().filter(|line| line.contains(" dev "));
    Ok(through_mesh.filter_map(|line| line.split(' ').next().map(str::to_owned)).collect())
}

fn node_to_pod(world: &World) -> Result<()> {
    let pairs = world.nodes.iter().flat_map(|one| world.nodes.iter().map(move |two| (one, two)));
    none_failed(pairs.filter_map(|(one, other)| {
        let reached = answers_ping(one.namespace(), other.pod.address.into());
        (!reached).then(|| format!("{} to {}", one.name(), other.pod.name))
    }))
}

fn cluster_ip_from_pods(world: &World) -> Result<()> {
    let pods = world.nodes.iter().map(|node| &node.pod.namespace);
    none_failed(pods.filter_map(|pod| reaches_every_endpoint(world, pod).err().map(describe)))
}

fn cluster_ip_from_nodes(world: &World) -> Result<()> {
    let nodes = world.nodes.iter().map(LabNode::namespace);
    none_failed(nodes.filter_map(|node| reaches_every_endpoint(world, node).err().map(describe)))
}

fn describe(error: anyhow::Error) -> String {
    format!("{error:#}")
}

/// The Service balances round-robin: two rounds reach every endpoint.
fn reaches_every_endpoint(world: &World, from: &Namespace) -> Result<()> {
    let rounds = world.service.endpoints.len() * 2;
    let answers = (0..rounds).map(|_| connect(from, world.service.address.into(), service::PORT));
    let answered: BTreeSet<String> =
        answers.map(|answer| answer.map(|answer| answer.server)).collect::<Result<_>>()?;
    let expected = service_pods(world);
    ensure!(answered == expected, "{}: {answered:?}, not {expected:?}", from.name());
    Ok(())
}

fn service_pods(world: &World) -> BTreeSet<String> {
    let is_endpoint = |node: &&LabNode| world.service.endpoints.contains(&node.pod.address);
    world.nodes.iter().filter(is_endpoint).map(|node| node.pod.name.clone()).collect()
}

/// A NodePort over the mesh, from hosts and pods, also when the endpoint is on a third node.
fn node_ports_inside(world: &World) -> Result<()> {
    let callers = |node: &'_ LabNode| [node.namespace().clone(), node.pod.namespace.clone()];
    none_failed(world.pairs().flat_map(|(one, other)| {
        callers(one).into_iter().filter_map(|from| {
            let rounds = 0..world.service.endpoints.len();
            let mut answers =
                rounds.map(|_| connect(&from, other.address.into(), service::NODE_PORT));
            answers.find_map(Result::err).map(describe)
        })
    }))
}

/// UDP between all hosts and pods, with its answers.
fn udp_in_mesh(world: &World) -> Result<()> {
    let pairs = world.nodes.iter().flat_map(|one| world.nodes.iter().map(move |two| (one, two)));
    let exchanges: Vec<_> = pairs
        .flat_map(|(one, other)| {
            let from_pod = &one.pod.namespace;
            let to_pod = (&other.pod.name, other.pod.address, pod::PORT);
            let to_node = (&other.machine.name, other.address, UDP_SERVICE);
            let from_node = (one.id != other.id).then_some((one.namespace(), to_node));
            let of_pods = [(from_pod, to_pod), (one.namespace(), to_pod)];
            of_pods.into_iter().chain(from_node)
        })
        .collect();
    let errors = in_parallel(&exchanges, |(from, (name, address, port))| {
        match exchange_udp(from, IpAddr::from(*address), *port) {
            Ok(answer) if answer.server == **name => None,
            Ok(answer) => Some(format!("{} answers for {name}", answer.server)),
            Err(error) => Some(format!("to {name}: {error:#}")),
        }
    });
    none_failed(errors.into_iter().flatten())
}

/// Every pod and host reaches every replica of cluster DNS, by UDP and TCP.
fn cluster_dns(world: &World) -> Result<()> {
    let callers = world.nodes.iter().flat_map(|node| [&node.pod.namespace, node.namespace()]);
    let callers: Vec<_> = callers.collect();
    let errors = in_parallel(&callers, |from| answers_as_dns(world, from).err());
    none_failed(errors.into_iter().flatten().map(describe))
}

/// The Service balances round-robin over all callers of a node: an answer of any replica counts.
pub(super) fn answers_as_dns(world: &World, from: &Namespace) -> Result<()> {
    let (address, expected) = (IpAddr::from(world.service.dns), service_pods(world));
    for _ in &world.service.endpoints {
        let answers =
            [exchange_udp(from, address, service::DNS)?, connect(from, address, service::DNS)?];
        for answer in answers {
            ensure!(expected.contains(&answer.server), "{} answers as DNS", answer.server);
        }
    }
    Ok(())
}

/// A packet of the pods' MTU arrives, and no packet on the underlay is a fragment.
pub(super) fn full_size_packets(world: &World) -> Result<()> {
    let capture = world.capture()?;
    let mtu = world.calico.mtu;
    let failures = world.pairs().filter_map(|(one, other)| {
        let arrives = answers_full_size_ping(&one.pod.namespace, other.pod.address.into(), mtu);
        (!arrives).then(|| format!("{mtu} bytes from {} to {}", one.pod.name, other.pod.name))
    });
    let result = none_failed(failures);
    let seen = capture.finish()?;
    result?;
    ensure!(seen.fragments == 0, "{} fragments on the underlay", seen.fragments);
    Ok(())
}

/// Bytes that one encapsulation adds: a data message's header (16) and tag (16), UDP (8), IPv4 (20). The
/// inner packet is padded to a multiple of 16, but not beyond the interface's MTU (WireGuard whitepaper
/// §5.4.6; packets of 1300 bytes at an MTU of 1412 give 1372, observed with wireguard-go, 2026-11).
const WIREGUARD_OVER_IPV4: usize = 60;

fn underlay_carries_only_wireguard(world: &World) -> Result<()> {
    let capture = world.capture()?;
    let mtu = world.calico.mtu;
    for (one, other) in world.pairs() {
        let _ = answers_full_size_ping(&one.pod.namespace, other.pod.address.into(), mtu);
        let _ = answers_ping(one.namespace(), other.address.into());
    }
    for node in &world.nodes {
        reaches_every_endpoint(world, &node.pod.namespace)?;
        reaches_every_endpoint(world, node.namespace())?;
    }
    let seen = capture.finish()?;
    ensure!(seen.unencrypted.is_empty(), "unencrypted: {:?}", seen.unencrypted);
    ensure!(seen.other.is_empty(), "not WireGuard: {:?}", seen.other);
    let largest = usize::from(mtu) + WIREGUARD_OVER_IPV4;
    let padded = usize::from(mtu).next_multiple_of(16) + WIREGUARD_OVER_IPV4;
    ensure!(seen.wireguard > 0, "the underlay carried no WireGuard packet");
    ensure!((largest..=padded).contains(&seen.largest), "{} bytes, not {largest}", seen.largest);
    Ok(())
}

/// Packet and reply, with the address of the node.
fn pods_reach_internet(world: &World) -> Result<()> {
    none_failed(world.nodes.iter().filter_map(|node| {
        let answer = connect(&node.pod.namespace, underlay::SERVER.into(), underlay::SERVER_PORT);
        match (answer, node.public_v4()) {
            (Err(error), _) => Some(describe(error)),
            (Ok(ServerAnswer { peer, .. }), Some(v4)) if peer != IpAddr::from(v4) => {
                Some(format!("{} was seen as {peer}, not {v4}", node.pod.name))
            }
            (Ok(_), _) => None,
        }
    }))
}

/// A node reaches the services of every cloud for its hosts, and its pod does not: so the firewall is the cause.
/// The pod reaches DNS and time there.
fn metadata_closed_to_pods(world: &World) -> Result<()> {
    let errors = in_parallel(&world.nodes, |node| expect_no_metadata(node).err());
    none_failed(errors.into_iter().flatten().map(describe))
}

fn expect_no_metadata(node: &LabNode) -> Result<()> {
    let pod = &node.pod.namespace;
    let at = |port| underlay::HOST_SERVICES.map(|address| SocketAddr::from((address, port)));
    let targets = at(underlay::SERVER_PORT);
    for target in &targets {
        connect(node.namespace(), target.ip(), target.port())?;
    }
    let reached = reachable_targets(pod, &targets)?;
    ensure!(reached.is_empty(), "{} reached {reached:?}", node.pod.name);
    for resolver in at(underlay::DNS) {
        connect(pod, resolver.ip(), resolver.port())?;
    }
    for open in [at(underlay::DNS), at(underlay::TIME)].concat() {
        exchange_udp(pod, open.ip(), open.port())?;
    }
    Ok(())
}

fn private_ports_open(world: &World) -> Result<()> {
    for (one, other) in world.pairs() {
        let ports = world.private_ports().into_iter().filter(|port| *port != world.ssh_port());
        let targets: Vec<_> = ports.map(|port| SocketAddr::from((other.address, port))).collect();
        let open = reachable_targets(one.namespace(), &targets)?;
        ensure!(open == targets, "{} reaches only {open:?} of {targets:?}", one.name());
    }
    Ok(())
}

/// A pod reaches the API as a node's 6443, and kubelet on its own node and on others.
fn pods_reach_nodes(world: &World) -> Result<()> {
    let pairs = world.nodes.iter().flat_map(|one| world.nodes.iter().map(move |two| (one, two)));
    none_failed(pairs.flat_map(|(one, other)| {
        [API_PORT, 10250].into_iter().filter_map(|port| {
            connect(&one.pod.namespace, other.address.into(), port).err().map(describe)
        })
    }))
}

/// A pod reaches no other port of a host than those that it needs, on its own node or on another: neither etcd, BGP
/// and SSH nor any other program.
fn hosts_closed_to_pods(world: &World) -> Result<()> {
    let needed = [API_PORT, 10250];
    let closed = |port: &u16| !needed.contains(port) && !(30_000..=32_767).contains(port);
    let closed: Vec<_> = world.private_ports().into_iter().filter(closed).collect();
    let targets = world
        .nodes
        .iter()
        .flat_map(|node| closed.iter().map(move |port| SocketAddr::from((node.address, *port))));
    let targets: Vec<_> = targets.collect();
    let results = in_parallel(&world.nodes, |from| {
        let reached = reachable_targets(&from.pod.namespace, &targets)?;
        ensure!(reached.is_empty(), "{} reached {reached:?}", from.pod.name);
        Ok(())
    });
    none_failed(results.into_iter().filter_map(Result::err).map(describe))?;
    let pairs = world.nodes.iter().flat_map(|one| world.nodes.iter().map(move |two| (one, two)));
    let pairs: Vec<_> = pairs.collect();
    let answered = in_parallel(&pairs, |(one, other)| {
        let answer = exchange_udp(&one.pod.namespace, other.address.into(), UDP_SERVICE);
        answer.ok().map(|_| format!("{} reached {} UDP {UDP_SERVICE}", one.pod.name, other.name()))
    });
    none_failed(answered.into_iter().flatten())
}

/// A node reaches SSH of no other node: a person comes from outside or as a client.
fn ssh_closed_to_nodes(world: &World) -> Result<()> {
    none_failed(world.pairs().filter_map(|(one, other)| {
        let answer = connect(one.namespace(), other.address.into(), world.ssh_port());
        answer.is_ok().then(|| format!("{} reached SSH of {}", one.name(), other.name()))
    }))
}
