//! Changes to a running mesh: reloads lose nothing and touch nothing of others.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};

use crate::checks::LabCheck;
use crate::checks::mesh::pod_pairs;
use crate::node::LabNode;
use crate::probe::{PingStream, eventually, pings};
use crate::tree::LabTree;
use crate::world::World;

/// In an order in which each leaves a whole mesh behind.
pub const ALL: &[LabCheck] = &[
    LabCheck { name: "firewall-reload-loses-nothing", run: firewall_reload_loses_nothing },
    LabCheck { name: "foreign-tables-untouched", run: foreign_tables_untouched },
    LabCheck { name: "node-removed-and-added-live", run: node_removed_and_added_live },
    LabCheck { name: "wg0-restart", run: wg0_restart },
];

const FIREWALL: &str = "meshwright-firewall.service";

fn firewall_reload_loses_nothing(world: &World) -> Result<()> {
    let (one, other) = first_pair(world)?;
    let stream = PingStream::start(&one.pod.namespace, other.pod.address.into())?;
    let capture = world.capture()?;
    for _ in 0..5 {
        for node in &world.nodes {
            node.unit(&world.tree, FIREWALL, "ExecReload")?;
        }
        std::thread::sleep(Duration::from_millis(200));
    }
    stream.expect(0)?;
    let seen = capture.finish()?;
    ensure!(seen.in_clear.is_empty(), "in clear: {:?}", seen.in_clear);
    Ok(())
}

/// Reloaded and started again, the unit leaves kube-proxy's and Calico's tables as they are; and it
/// has no ExecStop, which in Debian's nftables.service flushes everyone's rules.
fn foreign_tables_untouched(world: &World) -> Result<()> {
    let unit = world.tree.file(&format!("host/systemd/{FIREWALL}"))?;
    let stops = unit.lines().any(|line| line.starts_with("ExecStop"));
    ensure!(!stops, "{FIREWALL} does something when it is stopped");
    for node in &world.nodes {
        let before = foreign_tables(node)?;
        node.unit(&world.tree, FIREWALL, "ExecReload")?;
        node.unit(&world.tree, FIREWALL, "ExecStart")?;
        ensure!(before == foreign_tables(node)?, "foreign tables changed on {}", node.name());
    }
    Ok(())
}

fn foreign_tables(node: &LabNode) -> Result<String> {
    let show = |table| node.machine.run(&["nft", "list", "table", "ip", table]);
    Ok(show("kube-proxy")? + &show("calico")?)
}

fn first_pair(world: &World) -> Result<(&LabNode, &LabNode)> {
    world.pairs().next().context("a mesh of one")
}

/// The topology loses a node and gets it back, by the emitted reload on every other node. Nobody else
/// notices: no ping is lost, and private and preshared keys are what they were.
fn node_removed_and_added_live(world: &World) -> Result<()> {
    let leaving = dispensable(world).context("nobody can leave")?;
    let without = world.tree.without_node(leaving.name())?;
    let staying: Vec<_> = world.nodes.iter().filter(|node| node.id != leaving.id).collect();
    let keys = staying.iter().map(|node| keys(world, node)).collect::<Result<Vec<_>>>()?;
    let [one, .., other] = staying[..] else { anyhow::bail!("too few nodes") };
    let stream = PingStream::start(&one.pod.namespace, other.pod.address.into())?;
    reload(&without, &staying)?;
    let reached = pings(one.namespace(), leaving.address.into());
    reload(&world.tree, &staying)?;
    ensure!(!reached, "{} is still a peer after its removal", leaving.name());
    pod_pairs(world)?;
    stream.expect(0)?;
    for (node, before) in staying.iter().zip(keys) {
        ensure!(before == self::keys(world, node)?, "the keys of {} changed", node.name());
    }
    Ok(())
}

/// The last node that carries for nobody, a public one if there is any.
fn dispensable(world: &World) -> Option<&LabNode> {
    let relays: Vec<_> = world.nodes.iter().filter_map(|node| node.relay.as_deref()).collect();
    let free = || world.nodes.iter().filter(|node| !relays.contains(&node.name()));
    free().rfind(|node| node.public.is_some()).or_else(|| free().next_back())
}

fn reload(tree: &LabTree, nodes: &[&LabNode]) -> Result<()> {
    for node in nodes {
        node.install(tree)?;
        node.unit(tree, FIREWALL, "ExecReload")?;
        node.wireguard_reload(tree)?;
    }
    Ok(())
}

/// The private key, and each peer with its preshared key.
fn keys(world: &World, node: &LabNode) -> Result<String> {
    let interface = world.tree.plan.wireguard.interface.as_str();
    let show = |what| node.machine.run(&["wg", "show", interface, what]);
    let preshared = show("preshared-keys")?;
    let mut preshared: Vec<_> = preshared.lines().collect();
    preshared.sort_unstable();
    Ok(show("private-key")? + &preshared.join("\n"))
}

/// How long pods may be away after wg0 is back, to peers that the node can call.
const RESTART: Duration = Duration::from_secs(1);

/// A busy machine may take longer than that over its own pings: one of so many must be fast.
const RESTARTS: u32 = 3;

/// Keepalives of all peers, and pod routes that wait for nobody: 15 s without the one, 4 s without
/// the other (seen).
///
/// A peer behind NAT has to call again, and does so 15 s after it said something that was not
/// answered (WireGuard §6.5: keepalive timeout and rekey timeout); seen here on 2026-11-23. Until
/// then a restarted public node does not reach it, whatever it emits.
fn wg0_restart(world: &World) -> Result<()> {
    let public = world.nodes.iter().find(|node| node.public.is_some());
    let behind_nat = world.nodes.iter().find(|node| node.public.is_none());
    for node in public.into_iter().chain(behind_nat) {
        if runs_wireguard_go(node)? {
            put_keys_into_the_file(world, node)?;
        }
        let away = fastest_restart(world, node);
        node.install(&world.tree)?;
        let away = away?;
        ensure!(away <= RESTART, "{} was away for {away:?} after wg0 was back", node.pod.name);
        pod_pairs(world)?;
    }
    Ok(())
}

fn fastest_restart(world: &World, node: &LabNode) -> Result<Duration> {
    let mut fastest = Duration::MAX;
    for _ in 0..RESTARTS {
        fastest = fastest.min(restart(world, node)?);
        if fastest <= RESTART {
            break;
        }
    }
    Ok(fastest)
}

fn restart(world: &World, node: &LabNode) -> Result<Duration> {
    node.wireguard_down(&world.tree)?;
    node.wireguard_up(&world.tree)?;
    let back = Instant::now();
    let called: Vec<_> = world.nodes.iter().filter(|other| calls(world, node, other)).collect();
    // The others first: what the node itself says would wake the tunnel up.
    eventually(world.patience, || called.iter().try_for_each(|other| reaches(other, node)))?;
    Ok(back.elapsed())
}

/// wireguard-go begins to call before `PostUp` has set the keys, and tries again after the rekey
/// time-out of 5 s; the kernel does not. With the keys in its file it has them in time.
fn put_keys_into_the_file(world: &World, node: &LabNode) -> Result<()> {
    let interface = world.tree.plan.wireguard.interface.as_str();
    let path = format!("/etc/wireguard/{interface}.conf");
    let private = node.machine.run(&["wg", "show", interface, "private-key"])?;
    let preshared = node.machine.run(&["wg", "show", interface, "preshared-keys"])?;
    let preshared = preshared.lines().filter_map(|line| line.split_once('\t'));
    let preshared: BTreeMap<_, _> = preshared.filter(|(_, key)| *key != "(none)").collect();
    let mut conf = String::new();
    for line in node.machine.run(&["cat", &path])?.lines() {
        match line.strip_prefix("PostUp = wg set %i ") {
            None => conf += &format!("{line}\n"),
            Some(key) if key.starts_with("private-key") => {
                conf += &format!("PrivateKey = {}\n", private.trim());
            }
            Some(_) => {}
        }
        let peer = line.strip_prefix("PublicKey = ");
        if let Some(key) = peer.and_then(|peer| preshared.get(peer)) {
            conf += &format!("PresharedKey = {key}\n");
        }
    }
    node.machine.write(&path, &conf)
}

fn runs_wireguard_go(node: &LabNode) -> Result<bool> {
    let link = node.machine.run(&["ip", "-details", "link", "show", "type", "wireguard"])?;
    Ok(link.is_empty())
}

/// Whether the node has the other's address from the start. A name is looked up later, and the first
/// call after that comes with the next retry, up to 5 s.
fn calls(world: &World, node: &LabNode, other: &LabNode) -> bool {
    let planned = |node: &LabNode| world.tree.plan.nodes.iter().find(|one| one.id.get() == node.id);
    let (Some(one), Some(two)) = (planned(node), planned(other)) else { return false };
    let endpoint = one.location.endpoint_of(&two.location);
    let has_address = endpoint.is_some_and(|endpoint| !endpoint.is_name());
    node.id != other.id && has_address
}

fn reaches(node: &LabNode, other: &LabNode) -> Result<()> {
    let reached = pings(&node.pod.namespace, other.pod.address.into());
    ensure!(reached, "{} does not reach {}", node.pod.name, other.pod.name);
    Ok(())
}
