//! What only some topologies have: relays, sites and endpoints that are names.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use meshwright_compiler::plan;
use meshwright_value::Endpoint;

use crate::checks::{LabCheck, none_failed};
use crate::node::LabNode;
use crate::probe::{eventually, pings};
use crate::world::World;

/// What needs a topology that has it.
pub const ALL: &[LabCheck] = &[
    LabCheck { name: "relay-carries-both-ways", run: relay_carries_both_ways },
    LabCheck { name: "site-stays-in-its-network", run: site_stays_in_its_network },
    LabCheck { name: "named-endpoint-dead-at-boot", run: named_endpoint_dead_at_boot },
];

/// Pairs that cannot call each other, in both directions: pods and hosts, and no redirects
/// (`send_redirects`).
fn relay_carries_both_ways(world: &World) -> Result<()> {
    let relayed: Vec<_> =
        world.pairs().filter(|(one, other)| is_relayed(world, one, other)).collect();
    ensure!(!relayed.is_empty(), "the topology has no relay pair");
    eventually(world.patience, || {
        none_failed(relayed.iter().filter_map(|(one, other)| {
            let reached = pings(one.namespace(), other.address.into())
                && pings(&one.pod.namespace, other.pod.address.into());
            (!reached).then(|| format!("{} to {}", one.name(), other.name()))
        }))
    })?;
    for node in &world.nodes {
        let cached = node.machine.run(&["ip", "route", "show", "cache"])?;
        ensure!(!cached.contains("redirected"), "{} was redirected", node.name());
    }
    Ok(())
}

fn planned<'world>(world: &'world World, node: &LabNode) -> Result<&'world plan::Node> {
    let mut nodes = world.tree.plan.nodes.iter();
    nodes.find(|planned| planned.id.get() == node.id).context("in the plan")
}

fn is_relayed(world: &World, one: &LabNode, other: &LabNode) -> bool {
    let (Ok(one), Ok(other)) = (planned(world, one), planned(world, other)) else { return false };
    world.tree.plan.relay(one, other).is_some()
}

/// Machines of one site have handshakes with each other at their own addresses there.
fn site_stays_in_its_network(world: &World) -> Result<()> {
    let same = |one: &LabNode, other: &LabNode| one.site.is_some() && one.site == other.site;
    let pairs: Vec<_> = world.pairs().filter(|(one, other)| same(one, other)).collect();
    ensure!(!pairs.is_empty(), "the topology has no site pair");
    for (one, other) in pairs {
        ensure!(pings(one.namespace(), other.address.into()), "{} is silent", other.name());
        let planned = planned(world, other)?;
        let lan = planned.location.lan_endpoint.as_ref().context("a site pair")?;
        let lan = lan.with_port(world.tree.plan.wireguard.listen_port);
        let peer = peer_line(world, one, planned.public_key.to_string().as_str(), "endpoints")?;
        ensure!(peer == lan, "{} finds {} at {peer}, not {lan}", one.name(), other.name());
    }
    Ok(())
}

fn peer_line(world: &World, node: &LabNode, public_key: &str, what: &str) -> Result<String> {
    let interface = world.tree.plan.wireguard.interface.as_str();
    let shown = node.machine.run(&["wg", "show", interface, what])?;
    let line = shown.lines().find_map(|line| line.strip_prefix(public_key));
    Ok(line.with_context(|| format!("{} has no such peer", node.name()))?.trim().to_owned())
}

/// A node behind NAT, whose peer is known by a name alone, boots without DNS: wg0 is up all the same,
/// the others are there, and the peer comes when the name resolves.
fn named_endpoint_dead_at_boot(world: &World) -> Result<()> {
    let tree = &world.tree;
    let named = tree.plan.nodes.iter().find(|node| {
        let endpoint = node.location.endpoint.as_ref();
        endpoint.is_some_and(Endpoint::is_name)
    });
    let named = world.node(named.context("the topology has no named endpoint")?.name.as_str())?;
    let caller = world.nodes.iter().find(|node| node.public.is_none()).context("nobody calls")?;
    let other = world.public_nodes().map(|(node, _)| node).find(|node| node.id != named.id);
    let other = other.context("nobody else is public")?;
    let known = std::fs::read_to_string(caller.machine.path("/etc/hosts"))?;
    caller.wireguard_down(tree)?;
    caller.machine.write("/etc/hosts", "127.0.0.1 localhost\n")?;
    caller.wireguard_up(tree).context("with a name that does not resolve")?;
    eventually(world.patience, || {
        ensure!(pings(caller.namespace(), other.address.into()), "{} is silent", other.name());
        Ok(())
    })?;
    let reached = pings(caller.namespace(), named.address.into());
    ensure!(!reached, "{} is reached without its name", named.name());
    caller.machine.write("/etc/hosts", &known)?;
    caller.resolve(tree)?;
    eventually(Duration::from_secs(10), || {
        ensure!(pings(caller.namespace(), named.address.into()), "{} is silent", named.name());
        Ok(())
    })
}
