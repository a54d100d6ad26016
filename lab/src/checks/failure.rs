//! Failures: what is broken stays alone, and nothing ever leaves in clear.

use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

use crate::bird;
use crate::checks::LabCheck;
use crate::checks::mesh::{pod_pairs, pod_pairs_now};
use crate::command::succeeds;
use crate::node::LabNode;
use crate::probe::{PingStream, answering, eventually, pings};
use crate::world::World;

/// In an order in which each leaves a whole mesh behind.
pub const ALL: &[LabCheck] = &[
    LabCheck { name: "pods-without-bird", run: pods_without_bird },
    LabCheck { name: "withdrawn-pod-route", run: withdrawn_pod_route },
    LabCheck { name: "egress-guard", run: egress_guard },
    LabCheck { name: "wg0-down-leaks-nothing", run: wg0_down_leaks_nothing },
    LabCheck { name: "before-the-first-pod", run: before_the_first_pod },
    LabCheck { name: "node-lost", run: node_lost },
    LabCheck { name: "peer-dead-at-start", run: peer_dead_at_start },
];

const GUARDS: &str = "meshwright-guards.service";

/// How long BIRD takes to look at the kernel's routes again, twice (`scan time 2`).
const RESOLVE: Duration = Duration::from_secs(4);

/// Static pod routes carry the pods while BIRD is stopped everywhere.
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

fn first_pair(world: &World) -> Result<(&LabNode, &LabNode)> {
    world.pairs().next().context("a mesh of one")
}

/// With no route to a block, its packets are refused at once by the guard.
fn withdrawn_pod_route(world: &World) -> Result<()> {
    let (one, other) = first_pair(world)?;
    withdraw(one, other)?;
    let refused = is_unreachable(one, other);
    let leak = leaks(world, one, other);
    restore(world, one)?;
    ensure!(refused?, "{} still has a route to {}", one.name(), other.block);
    leak
}

/// With the route guards gone as well, the firewall is what holds packets back.
fn egress_guard(world: &World) -> Result<()> {
    let (one, other) = first_pair(world)?;
    withdraw(one, other)?;
    one.namespace().ip(&guards(world)?.replace("route replace", "route del"))?;
    let leak = leaks(world, one, other);
    one.unit(&world.tree, GUARDS, "ExecReload")?;
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

/// Sends to another's pod and node, from a pod and from the host, and looks at the underlay.
fn leaks(world: &World, one: &LabNode, other: &LabNode) -> Result<()> {
    let capture = world.capture()?;
    let targets = [other.pod.address.into(), other.address.into()];
    let _ = answering(&one.pod.namespace, &targets);
    let _ = answering(one.namespace(), &targets);
    let seen = capture.finish()?;
    ensure!(seen.in_clear.is_empty(), "in clear: {:?}", seen.in_clear);
    Ok(())
}

/// BIRD resolves its next hops anew when wg0 goes: to the guard, and never to the default route.
fn wg0_down_leaks_nothing(world: &World) -> Result<()> {
    let (one, other) = first_pair(world)?;
    world.await_bgp()?;
    one.wireguard_down(&world.tree)?;
    thread::sleep(RESOLVE);
    let routes = one.machine.run(&["ip", "-4", "route", "show", "proto", "bird"]);
    let leak = leaks(world, one, other);
    one.wireguard_up(&world.tree)?;
    let routes = routes?;
    ensure!(!routes.contains("dev eth0"), "BIRD leads pods out of the mesh:\n{routes}");
    leak?;
    pod_pairs(world)?;
    world.await_bgp()
}

/// Before a node's first pod its block is advertised by nobody.
fn before_the_first_pod(world: &World) -> Result<()> {
    let (one, other) = first_pair(world)?;
    let speaker = world.speaker(other);
    let podless = bird::BgpSpeaker { block: None, ..speaker };
    let block = other.block.to_string();
    other.namespace().ip(&format!("route del {} dev cali0", other.pod.address))?;
    podless.reconfigure(&other.machine, &world.addresses_beside(other))?;
    one.machine.run(&["ip", "route", "del", &block, "proto", "kernel"])?;
    let withdrawn = eventually(world.patience, || {
        ensure!(is_unreachable(one, other)?, "{} still has a route to {block}", one.name());
        Ok(())
    });
    let leak = leaks(world, one, other);
    other.namespace().ip(&format!("route add {} dev cali0 scope link", other.pod.address))?;
    speaker.reconfigure(&other.machine, &world.addresses_beside(other))?;
    one.wireguard_reload(&world.tree)?;
    withdrawn?;
    leak?;
    pod_pairs(world)
}

/// Whose cable can be pulled without taking a relay or the API away.
fn last_public(world: &World) -> Result<&LabNode> {
    world.public_nodes().map(|(node, _)| node).last().context("nobody is public")
}

fn node_lost(world: &World) -> Result<()> {
    let lost = last_public(world)?;
    let staying: Vec<_> = world.nodes.iter().filter(|node| node.id != lost.id).collect();
    let [one, .., other] = staying[..] else { anyhow::bail!("too few nodes") };
    let streams = [(one, other), (other, one)]
        .map(|(from, to)| PingStream::start(&from.pod.namespace, to.pod.address.into()));
    world.underlay.plug(lost.namespace(), false)?;
    thread::sleep(Duration::from_secs(3));
    let reached = pings(one.namespace(), lost.address.into());
    world.underlay.plug(lost.namespace(), true)?;
    ensure!(!reached, "{} was not lost", lost.name());
    streams.into_iter().try_for_each(|stream| stream?.expect(0))?;
    pod_pairs(world)
}

/// A whole start of wg0 and BIRD while a peer is dead: BIRD alone would wait 240 s for it
/// (seen).
fn peer_dead_at_start(world: &World) -> Result<()> {
    let dead = last_public(world)?;
    // Behind NAT it calls everyone itself, and nobody has to wait for it afterwards.
    let one = world.nodes.iter().find(|node| node.public.is_none()).context("nobody calls")?;
    let (other, _) = world.public_nodes().next().context("nobody is public")?;
    world.underlay.plug(dead.namespace(), false)?;
    let started = start_again(world, one);
    let reached = started.and_then(|()| {
        eventually(AFTER_START, || {
            ensure!(pings(&one.pod.namespace, other.pod.address.into()), "{} waits", one.pod.name);
            Ok(())
        })
    });
    world.underlay.plug(dead.namespace(), true)?;
    reached?;
    pod_pairs(world)?;
    world.await_bgp()
}

/// Far below the 240 s of a graceful restart, and above wireguard-go's 5 s ([`crate::checks::change`]).
const AFTER_START: Duration = Duration::from_secs(60);

fn start_again(world: &World, node: &LabNode) -> Result<()> {
    bird::stop(&node.machine)?;
    node.wireguard_down(&world.tree)?;
    node.wireguard_up(&world.tree)?;
    world.start_bird(node)
}
