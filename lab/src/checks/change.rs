//! Changes to a running mesh: reloads lose no packet and change no foreign tables.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};

use crate::checks::mesh::pod_pairs;
use crate::checks::{LabCheck, first_pair};
use crate::node::LabNode;
use crate::probe::{PingStream, answers_ping, eventually};
use crate::tree::LabTree;
use crate::world::World;

/// In this order, because each leaves a working mesh for the next.
pub const ALL: &[LabCheck] = &[
    LabCheck { name: "firewall-reload-no-loss", run: firewall_reload_no_loss },
    LabCheck { name: "foreign-tables-untouched", run: foreign_tables_untouched },
    LabCheck { name: "node-removed-and-added", run: node_removed_and_added },
    LabCheck { name: "wg0-restart", run: wg0_restart },
];

const FIREWALL: &str = "meshwright-firewall.service";

fn firewall_reload_no_loss(world: &World) -> Result<()> {
    let (one, other) = first_pair(world)?;
    let stream = PingStream::start(&one.pod.namespace, other.pod.address.into())?;
    let capture = world.capture()?;
    for _ in 0..5 {
        for node in &world.nodes {
            node.run_unit(&world.tree, FIREWALL, "ExecReload")?;
        }
        std::thread::sleep(Duration::from_millis(200));
    }
    stream.expect(0)?;
    let seen = capture.finish()?;
    ensure!(seen.unencrypted.is_empty(), "unencrypted: {:?}", seen.unencrypted);
    Ok(())
}

/// Reload and start of the unit change neither kube-proxy's nor Calico's table. The unit has no ExecStop:
/// in Debian's nftables.service, it flushes all tables.
fn foreign_tables_untouched(world: &World) -> Result<()> {
    let unit = world.tree.file(&format!("host/systemd/{FIREWALL}"))?;
    let has_stop = unit.lines().any(|line| line.starts_with("ExecStop"));
    ensure!(!has_stop, "{FIREWALL} has an ExecStop");
    for node in &world.nodes {
        let before = foreign_tables(node)?;
        node.run_unit(&world.tree, FIREWALL, "ExecReload")?;
        node.run_unit(&world.tree, FIREWALL, "ExecStart")?;
        ensure!(before == foreign_tables(node)?, "foreign tables changed on {}", node.name());
    }
    Ok(())
}

fn foreign_tables(node: &LabNode) -> Result<String> {
    let show = |table| node.machine.run(&["nft", "list", "table", "ip", table]);
    Ok(show("kube-proxy")? + &show("calico")?)
}

/// A node is removed from the topology and added again, by the emitted reload on every other node. The
/// other nodes lose no ping and keep their private and preshared keys.
fn node_removed_and_added(world: &World) -> Result<()> {
    let leaving = removable_node(world).context("no node can be removed")?;
    let without = world.tree.without_node(leaving.name())?;
    let staying: Vec<_> = world.nodes.iter().filter(|node| node.id != leaving.id).collect();
    let keys_before = staying.iter().map(|node| keys(world, node)).collect::<Result<Vec<_>>>()?;
    let [one, .., other] = staying[..] else { anyhow::bail!("too few nodes") };
    let stream = PingStream::start(&one.pod.namespace, other.pod.address.into())?;
    reload(&without, &staying)?;
    let reached = answers_ping(one.namespace(), leaving.address.into());
    reload(&world.tree, &staying)?;
    ensure!(!reached, "{} is still a peer after its removal", leaving.name());
    pod_pairs(world)?;
    stream.expect(0)?;
    for (node, before) in staying.iter().zip(keys_before) {
        ensure!(before == keys(world, node)?, "the keys of {} changed", node.name());
    }
    Ok(())
}

/// The last node that is not a relay, preferably a public one.
fn removable_node(world: &World) -> Option<&LabNode> {
    let relays: Vec<_> = world.nodes.iter().flat_map(|node| &node.relays).collect();
    let free =
        || world.nodes.iter().filter(|node| !relays.iter().any(|relay| *relay == node.name()));
    free().rfind(|node| node.public.is_some()).or_else(|| free().next_back())
}

fn reload(tree: &LabTree, nodes: &[&LabNode]) -> Result<()> {
    for node in nodes {
        node.install(tree)?;
        node.run_unit(tree, FIREWALL, "ExecReload")?;
        node.wireguard_reload(tree)?;
    }
    Ok(())
}

/// The private key, and each peer with its preshared key.
fn keys(world: &World, node: &LabNode) -> Result<String> {
    let interface = world.tree.plan.wireguard.interface.as_str();
    let show = |what| node.machine.run(&["wg", "show", interface, what]);
    let preshared_keys = show("preshared-keys")?;
    let mut lines: Vec<_> = preshared_keys.lines().collect();
    lines.sort_unstable();
    Ok(show("private-key")? + &lines.join("\n"))
}

/// How long pods may be unreachable after wg0 is up again, for peers whose endpoint the node has.
const MAX_OUTAGE: Duration = Duration::from_secs(1);

/// The number of attempts: one must be fast enough. A busy machine can need longer for the pings alone.
const RESTARTS: u32 = 3;

/// The outage is short because all peers send keepalives and pod routes are static: it is 15 s without
/// keepalives and 4 s without static routes (observed with wireguard-go and BIRD 2, 2026-11).
///
/// A peer behind NAT must start the handshake with a restarted public node. It does so 15 s after it sent a
/// packet that was not answered (WireGuard whitepaper §6.5: keepalive timeout and rekey timeout;
/// observed with wireguard-go, 2026-11). No emitted setting shortens that.
fn wg0_restart(world: &World) -> Result<()> {
    let public = world.nodes.iter().find(|node| node.public.is_some());
    let behind_nat = world.nodes.iter().find(|node| node.public.is_none());
    for node in public.into_iter().chain(behind_nat) {
        if runs_wireguard_go(node)? {
            write_keys_into_file(world, node)?;
        }
        let measured = fastest_restart(world, node);
        node.install(&world.tree)?;
        let outage = measured?;
        ensure!(
            outage <= MAX_OUTAGE,
            "{} was unreachable for {outage:?} after wg0 was up",
            node.pod.name
        );
        pod_pairs(world)?;
    }
    Ok(())
}

fn fastest_restart(world: &World, node: &LabNode) -> Result<Duration> {
    let mut fastest = Duration::MAX;
    for _ in 0..RESTARTS {
        fastest = fastest.min(restart(world, node)?);
        if fastest <= MAX_OUTAGE {
            break;
        }
    }
    Ok(fastest)
}

fn restart(world: &World, node: &LabNode) -> Result<Duration> {
    node.wireguard_down(&world.tree)?;
    node.wireguard_up(&world.tree)?;
    let up = Instant::now();
    let peers: Vec<_> =
        world.nodes.iter().filter(|other| has_endpoint_address(world, node, other)).collect();
    // The pings come from the peers: a packet of the node itself would start the handshake.
    eventually(world.timeout, || peers.iter().try_for_each(|other| reaches(other, node)))?;
    Ok(up.elapsed())
}

/// wireguard-go sends its first handshake before `PostUp` has set the keys, and repeats it after the rekey
/// timeout of 5 s; the kernel does not. With the keys in the file, the first handshake succeeds.
fn write_keys_into_file(world: &World, node: &LabNode) -> Result<()> {
    let interface = world.tree.plan.wireguard.interface.as_str();
    let path = format!("/etc/wireguard/{interface}.conf");
    let private = node.machine.run(&["wg", "show", interface, "private-key"])?;
    let shown = node.machine.run(&["wg", "show", interface, "preshared-keys"])?;
    let pairs = shown.lines().filter_map(|line| line.split_once('\t'));
    let preshared: BTreeMap<_, _> = pairs.filter(|(_, key)| *key != "(none)").collect();
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

/// Whether the node has an address of the other as its endpoint. A name is resolved later, and the next
/// handshake follows up to 5 s after that.
fn has_endpoint_address(world: &World, node: &LabNode, other: &LabNode) -> bool {
    let planned = |node: &LabNode| world.tree.plan.nodes.iter().find(|one| one.id.get() == node.id);
    let (Some(one), Some(two)) = (planned(node), planned(other)) else { return false };
    let endpoint = one.location.endpoint_of(&two.location);
    let has_address = endpoint.is_some_and(|endpoint| !endpoint.is_name());
    node.id != other.id && has_address
}

fn reaches(node: &LabNode, other: &LabNode) -> Result<()> {
    let reached = answers_ping(&node.pod.namespace, other.pod.address.into());
    ensure!(reached, "{} does not reach {}", node.pod.name, other.pod.name);
    Ok(())
}
