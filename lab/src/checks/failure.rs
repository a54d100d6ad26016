//! Failures: one failure does not affect other nodes, and no private packet leaves unencrypted.

use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

use crate::bird;
use crate::checks::mesh::{pod_pairs, pod_pairs_now};
use crate::checks::{LabCheck, first_pair};
use crate::command::succeeds;
use crate::node::LabNode;
use crate::probe::{PingStream, answering_addresses, answers_ping, eventually};
use crate::world::World;

/// In this order, because each leaves a working mesh for the next.
pub const ALL: &[LabCheck] = &[
    LabCheck { name: "pods-without-bird", run: pods_without_bird },
    LabCheck { name: "withdrawn-pod-route", run: withdrawn_pod_route },
    LabCheck { name: "egress-guard", run: egress_guard },
    LabCheck { name: "wg0-down-no-leak", run: wg0_down_no_leak },
    LabCheck { name: "before-the-first-pod", run: before_the_first_pod },
    LabCheck { name: "node-failure", run: node_failure },
    LabCheck { name: "start-with-dead-peer", run: start_with_dead_peer },
];

const GUARDS: &str = "meshwright-guards.service";

/// Two scans of the kernel's routes by BIRD (`scan time 2`).
const ROUTE_SCANS: Duration = Duration::from_secs(4);

/// With BIRD stopped on all nodes, static routes lead to the pods.
fn pods_without_bird(world: &World) -> Result<()> {
    for node in &world.nodes {
        bird::stop(&node.machine)?;
    }
    let reached = pod_pairs_now(world);
    for node in &world.nodes {
        world.start_bird(node)?;
    }
    reached?;
    world.await_bgp()
}

/// Without a route to a block, the route guard rejects its packets at once.
fn withdrawn_pod_route(world: &World) -> Result<()> {
    let (one, other) = first_pair(world)?;
    withdraw(one, other)?;
    let refused = is_unreachable(one, other);
    let leak = leaks(world, one, other);
    restore(world, one)?;
    ensure!(refused?, "{} still has a route to {}", one.name(), other.block);
    leak
}

/// Without the route guards too, the firewall drops the packets.
fn egress_guard(world: &World) -> Result<()> {
    let (one, other) = first_pair(world)?;
    withdraw(one, other)?;
    one.namespace().ip(&guards(world)?.replace("route replace", "route del"))?;
    let leak = leaks(world, one, other);
    one.run_unit(&world.tree, GUARDS, "ExecReload")?;
    restore(world, one)?;
    leak
}

fn guards(world: &World) -> Result<String> {
    let guards = world.tree.file("host/guards.routes")?.lines();
    Ok(guards.filter(|line| line.starts_with("route ")).collect::<Vec<_>>().join("\n"))
}

fn withdraw(one: &LabNode, other: &LabNode) -> Result<()> {
    bird::stop(&one.machine)?;
    let block = other.block.to_string();
    while succeeds(one.machine.command("ip").args(["route", "del", "unicast", &block]))? {}
    Ok(())
}

fn restore(world: &World, node: &LabNode) -> Result<()> {
    node.wireguard_reload(&world.tree)?;
    world.start_bird(node)?;
    world.await_bgp()
}

fn is_unreachable(one: &LabNode, other: &LabNode) -> Result<bool> {
    let address = other.pod.address.to_string();
    Ok(!succeeds(one.machine.command("ip").args(["route", "get", &address]))?)
}

/// Sends packets to another node and its pod, from a pod and from the host, and checks that the underlay
/// carries none of them unencrypted.
fn leaks(world: &World, one: &LabNode, other: &LabNode) -> Result<()> {
    let capture = world.capture()?;
    let targets = [other.pod.address.into(), other.address.into()];
    let _ = answering_addresses(&one.pod.namespace, &targets);
    let _ = answering_addresses(one.namespace(), &targets);
    let seen = capture.finish()?;
    ensure!(seen.unencrypted.is_empty(), "unencrypted: {:?}", seen.unencrypted);
    Ok(())
}

/// When wg0 is down, BIRD resolves its next hops again: to the guard, and never to the default route.
fn wg0_down_no_leak(world: &World) -> Result<()> {
    let (one, other) = first_pair(world)?;
    world.await_bgp()?;
    one.wireguard_down(&world.tree)?;
    thread::sleep(ROUTE_SCANS);
    let shown = one.machine.run(&["ip", "-4", "route", "show", "proto", "bird"]);
    let leak = leaks(world, one, other);
    one.wireguard_up(&world.tree)?;
    let routes = shown?;
    ensure!(!routes.contains("dev eth0"), "BIRD routes pod packets outside the mesh:\n{routes}");
    leak?;
    pod_pairs(world)?;
    world.await_bgp()
}

/// Before the first pod of a node, its block is not advertised.
fn before_the_first_pod(world: &World) -> Result<()> {
    let (one, other) = first_pair(world)?;
    let speaker = world.speaker(other);
    let podless = bird::BgpSpeaker { block: None, ..speaker };
    let block = other.block.to_string();
    other
        .namespace()
        .ip(&format!("route del {} dev {}", other.pod.address, other.pod.interface))?;
    podless.reconfigure(&other.machine, &world.addresses_of_others(other))?;
    one.machine.run(&["ip", "route", "del", &block, "proto", "kernel"])?;
    let withdrawn = eventually(world.timeout, || {
        ensure!(is_unreachable(one, other)?, "{} still has a route to {block}", one.name());
        Ok(())
    });
    let leak = leaks(world, one, other);
    other
        .namespace()
        .ip(&format!("route add {} dev {} scope link", other.pod.address, other.pod.interface))?;
    speaker.reconfigure(&other.machine, &world.addresses_of_others(other))?;
    one.wireguard_reload(&world.tree)?;
    withdrawn?;
    leak?;
    pod_pairs(world)
}

/// A public node whose failure takes neither a relay nor the API away.
fn last_public(world: &World) -> Result<&LabNode> {
    world.public_nodes().map(|(node, _)| node).last().context("no node is public")
}

fn node_failure(world: &World) -> Result<()> {
    let lost = last_public(world)?;
    let staying: Vec<_> = world.nodes.iter().filter(|node| node.id != lost.id).collect();
    let [one, .., other] = staying[..] else { anyhow::bail!("too few nodes") };
    let streams = [(one, other), (other, one)]
        .map(|(from, to)| PingStream::start(&from.pod.namespace, to.pod.address.into()));
    world.underlay.set_link(lost.namespace(), false)?;
    thread::sleep(Duration::from_secs(3));
    let reached = answers_ping(one.namespace(), lost.address.into());
    world.underlay.set_link(lost.namespace(), true)?;
    ensure!(!reached, "{} was not lost", lost.name());
    streams.into_iter().try_for_each(|stream| stream?.expect(0))?;
    pod_pairs(world)
}

/// wg0 and BIRD start while a peer is dead. Without static routes, BIRD would wait 240 s for it (observed
/// with BIRD 2, 2026-11).
fn start_with_dead_peer(world: &World) -> Result<()> {
    let dead = last_public(world)?;
    // Behind NAT, a node starts all its handshakes itself, and no peer waits for it afterwards.
    let one =
        world.nodes.iter().find(|node| node.public.is_none()).context("no node is behind NAT")?;
    let (other, _) = world.public_nodes().next().context("no node is public")?;
    world.underlay.set_link(dead.namespace(), false)?;
    let started = restart_wireguard_and_bird(world, one);
    let reached = started.and_then(|()| {
        eventually(START_TIMEOUT, || {
            ensure!(
                answers_ping(&one.pod.namespace, other.pod.address.into()),
                "{} gets no answer",
                one.pod.name
            );
            Ok(())
        })
    });
    world.underlay.set_link(dead.namespace(), true)?;
    reached?;
    pod_pairs(world)?;
    world.await_bgp()
}

/// Well below the 240 s of a graceful restart, and above wireguard-go's 5 s ([`crate::checks::change`]).
const START_TIMEOUT: Duration = Duration::from_secs(60);

fn restart_wireguard_and_bird(world: &World, node: &LabNode) -> Result<()> {
    bird::stop(&node.machine)?;
    node.wireguard_down(&world.tree)?;
    node.wireguard_up(&world.tree)?;
    world.start_bird(node)
}
