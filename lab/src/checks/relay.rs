//! Properties of some topologies: relays, sites and endpoints that are names.

use std::net::Ipv4Addr;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use meshwright_compiler::plan;
use meshwright_value::Endpoint;

use crate::checks::{LabCheck, none_failed};
use crate::node::LabNode;
use crate::probe::{answers_ping, eventually};
use crate::world::World;

/// Checks that need such a topology.
pub const ALL: &[LabCheck] = &[
    LabCheck { name: "relay-both-directions", run: relay_both_directions },
    LabCheck { name: "site-uses-lan-endpoints", run: site_uses_lan_endpoints },
    LabCheck { name: "unresolved-endpoint-at-boot", run: unresolved_endpoint_at_boot },
    LabCheck { name: "next-address-of-a-name", run: next_address_of_a_name },
];

/// Pods and hosts of pairs without a direct tunnel reach each other in both directions, and the relay sends
/// no ICMP redirects (`send_redirects`).
fn relay_both_directions(world: &World) -> Result<()> {
    let relayed: Vec<_> =
        world.pairs().filter(|(one, other)| is_relayed(world, one, other)).collect();
    ensure!(!relayed.is_empty(), "the topology has no pair with a relay");
    eventually(world.timeout, || {
        none_failed(relayed.iter().filter_map(|(one, other)| {
            let reached = answers_ping(one.namespace(), other.address.into())
                && answers_ping(&one.pod.namespace, other.pod.address.into());
            (!reached).then(|| format!("{} to {}", one.name(), other.name()))
        }))
    })?;
    for node in &world.nodes {
        let cached = node.machine.run(&["ip", "route", "show", "cache"])?;
        ensure!(!cached.contains("redirected"), "{} was redirected", node.name());
    }
    Ok(())
}

pub(super) fn planned<'world>(
    world: &'world World,
    node: &LabNode,
) -> Result<&'world plan::NodePlan> {
    let mut nodes = world.tree.plan.nodes.iter();
    nodes
        .find(|planned| planned.id.get() == node.id)
        .with_context(|| format!("{} is not in the plan", node.name()))
}

fn is_relayed(world: &World, one: &LabNode, other: &LabNode) -> bool {
    let (Ok(first), Ok(second)) = (planned(world, one), planned(world, other)) else {
        return false;
    };
    world.tree.plan.relay(first, second).is_some()
}

/// Nodes of one site use each other's `lan_endpoint`.
fn site_uses_lan_endpoints(world: &World) -> Result<()> {
    let same_site = |one: &LabNode, other: &LabNode| one.site.is_some() && one.site == other.site;
    let pairs: Vec<_> = world.pairs().filter(|(one, other)| same_site(one, other)).collect();
    ensure!(!pairs.is_empty(), "the topology has no site with two nodes");
    for (one, other) in pairs {
        ensure!(
            answers_ping(one.namespace(), other.address.into()),
            "{} does not answer",
            other.name()
        );
        let peer = planned(world, other)?;
        let lan_endpoint = peer.location.lan_endpoint.as_ref().context("no lan_endpoint")?;
        let expected = lan_endpoint.with_port(peer.listen_port);
        let used = peer_line(world, one, peer.public_key.to_string().as_str(), "endpoints")?;
        ensure!(
            used == expected,
            "{} uses {used} for {}, not {expected}",
            one.name(),
            other.name()
        );
    }
    Ok(())
}

pub(super) fn peer_line(
    world: &World,
    node: &LabNode,
    public_key: &str,
    what: &str,
) -> Result<String> {
    let interface = world.tree.plan.wireguard.interface.as_str();
    let shown = node.machine.run(&["wg", "show", interface, what])?;
    let line = shown.lines().find_map(|line| line.strip_prefix(public_key));
    Ok(line.with_context(|| format!("{} does not have the peer", node.name()))?.trim().to_owned())
}

/// A node behind NAT has a peer whose endpoint is a name, and boots without DNS. wg0 comes up, the node
/// reaches its other peers, and it reaches this one when the name resolves.
fn unresolved_endpoint_at_boot(world: &World) -> Result<()> {
    let tree = &world.tree;
    let named = world.node(named_node(world)?.name.as_str())?;
    let caller = node_behind_nat(world)?;
    let mut public = world.public_nodes().map(|(node, _)| node);
    let other = public.find(|node| node.id != named.id).context("no other node is public")?;
    let hosts = std::fs::read_to_string(caller.machine.path("/etc/hosts"))?;
    caller.wireguard_down(tree)?;
    caller.machine.write("/etc/hosts", "127.0.0.1 localhost\n")?;
    caller.wireguard_up(tree).context("with a name that does not resolve")?;
    eventually(world.timeout, || {
        ensure!(
            answers_ping(caller.namespace(), other.address.into()),
            "{} does not answer",
            other.name()
        );
        Ok(())
    })?;
    let reached = answers_ping(caller.namespace(), named.address.into());
    ensure!(!reached, "{} is reached before its name resolves", named.name());
    caller.machine.write("/etc/hosts", &hosts)?;
    caller.resolve_endpoints(tree)?;
    eventually(Duration::from_secs(10), || {
        ensure!(
            answers_ping(caller.namespace(), named.address.into()),
            "{} does not answer",
            named.name()
        );
        Ok(())
    })
}

/// The name of a peer has two addresses, and at the first there is no machine. The second run of the timer's
/// unit calls the next one, and a further run keeps the address that brought a handshake.
fn next_address_of_a_name(world: &World) -> Result<()> {
    let tree = &world.tree;
    let planned = named_node(world)?;
    let named = world.node(planned.name.as_str())?;
    let v4 = named.public_v4().context("a node with a name has IPv4")?;
    let name = planned.location.common_endpoint().context("an endpoint")?.host();
    let caller = node_behind_nat(world)?;
    let hosts = std::fs::read_to_string(caller.machine.path("/etc/hosts"))?;
    let both = format!("127.0.0.1 localhost\n{UNUSED} {name}\n{v4} {name}\n");
    caller.machine.write("/etc/hosts", &both)?;
    caller.wireguard_down(tree)?;
    caller.wireguard_up(tree)?;
    let key = planned.public_key.to_string();
    let port = planned.listen_port;
    let called_at = |expected: Ipv4Addr| -> Result<()> {
        let used = peer_line(world, caller, &key, "endpoints")?;
        let expected = format!("{expected}:{port}");
        ensure!(used == expected, "{} is called at {used}, not {expected}", named.name());
        Ok(())
    };
    called_at(UNUSED)?;
    let reached = answers_ping(caller.namespace(), named.address.into());
    ensure!(!reached, "{} is reached at an address without a machine", named.name());
    caller.resolve_endpoints(tree)?;
    called_at(v4)?;
    eventually(Duration::from_secs(10), || {
        let reached = answers_ping(caller.namespace(), named.address.into());
        ensure!(reached, "{} does not answer", named.name());
        Ok(())
    })?;
    caller.resolve_endpoints(tree)?;
    called_at(v4)?;
    caller.machine.write("/etc/hosts", &hosts)
}

/// An address of the Internet that no machine of the lab has.
const UNUSED: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 250);

fn named_node(world: &World) -> Result<&plan::NodePlan> {
    let has_name =
        |node: &&plan::NodePlan| node.location.common_endpoint().is_some_and(Endpoint::is_name);
    let mut nodes = world.tree.plan.nodes.iter();
    nodes.find(has_name).context("the topology has no named endpoint")
}

fn node_behind_nat(world: &World) -> Result<&LabNode> {
    world.nodes.iter().find(|node| node.public.is_none()).context("no node is behind NAT")
}
