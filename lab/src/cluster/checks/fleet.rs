//! `meshwright apply` and `meshwright status` from the owner's laptop, by the real ssh(1) and sshd(8).

use std::fs;
use std::io::{BufRead as _, BufReader};

use anyhow::{Context as _, Result, ensure};
use toml_edit::{Item, value};

use super::change::declare_node;
use super::power::{expect_reachability, ping};
use super::{CheckStep, ClusterCheck};
use crate::cluster::founding::{Cluster, INIT, public_address};
use crate::cluster::owner::OwnerResult;
use crate::cluster::{file_server, images, owner, workload};
use crate::probe::eventually;
use crate::underlay;

use CheckStep::Procedure;

/// The founding: one command.
pub const FOUNDING: &[ClusterCheck] = &[
    ClusterCheck { name: "apply-installs", step: Procedure(apply_installs) },
    ClusterCheck { name: "nodes-ready", step: Procedure(|cluster| cluster.await_all_ready()) },
    ClusterCheck {
        name: "pods-on-every-node",
        step: Procedure(|cluster| workload::create(cluster)),
    },
    ClusterCheck {
        name: "manifests-applied",
        step: Procedure(|cluster| cluster.await_bootstrap()),
    },
];

/// The table.
pub const ALL: &[ClusterCheck] = &[
    ClusterCheck { name: "status-has-no-next-step", step: Procedure(status_in_order) },
    ClusterCheck { name: "init-looks-at-hosts", step: Procedure(init_looks_at_hosts) },
    ClusterCheck { name: "verify-finds-no-difference", step: Procedure(verify_finds_nothing) },
    ClusterCheck { name: "verify-names-an-object", step: Procedure(verify_names_an_object) },
    ClusterCheck { name: "test-passes", step: Procedure(test_passes) },
    ClusterCheck { name: "test-names-each-fault", step: Procedure(test_names_each_fault) },
    ClusterCheck { name: "apply-again-does-nothing", step: Procedure(apply_again) },
    ClusterCheck { name: "rolling-change", step: Procedure(rolling_change) },
    ClusterCheck { name: "key-rotated-at-one-moment", step: Procedure(key_rotated_at_one_moment) },
    ClusterCheck { name: "moment-goes-back", step: Procedure(moment_goes_back) },
    ClusterCheck { name: "second-apply-refused", step: Procedure(second_apply_refused) },
    ClusterCheck { name: "apply-killed", step: Procedure(apply_killed) },
    ClusterCheck { name: "status-names-each-drift", step: Procedure(status_names_each_drift) },
    ClusterCheck { name: "gate-stops", step: Procedure(gate_stops) },
    ClusterCheck { name: "lockout-refused", step: Procedure(lockout_refused) },
    ClusterCheck { name: "worker-added", step: Procedure(worker_added) },
    ClusterCheck { name: "worker-removed", step: Procedure(worker_removed) },
];

/// The worker that is added and removed.
const ADDED: &str = "w2";

/// The worker that is damaged.
const DAMAGED: &str = "w1";

const APPLIED: &str = "all machines have the files of the topology";

/// The machines prepare themselves while `apply` waits for them. The client's file is left to its owner.
fn apply_installs(cluster: &mut Cluster) -> Result<()> {
    owner::equip(cluster)?;
    let applied = owner::meshwright(cluster, &["apply", "--yes"])?;
    applied.expect(1, "left to do by hand, as printed above: ")
}

fn status_in_order(cluster: &mut Cluster) -> Result<()> {
    eventually(cluster.timeout, || {
        let status = owner::meshwright(cluster, &["status"])?;
        status.expect(0, "as delivered")
    })?;
    let status = owner::meshwright(cluster, &["status", "--format", "json"])?;
    status.expect(0, "\"is_in_order\": true")
}

/// These machines are in a mesh already: it is named, and another subnet is chosen for a second one.
fn init_looks_at_hosts(cluster: &mut Cluster) -> Result<()> {
    let topology = cluster.folder().join("owner/seen.toml");
    let hosts: Vec<_> = [INIT, "w1", "w2"]
        .into_iter()
        .filter_map(public_address)
        .map(|(address, _)| format!("root@{address}"))
        .collect();
    let mut arguments = vec!["init", "--from-hosts"];
    arguments.extend(hosts.iter().map(String::as_str));
    let seen = owner::meshwright_for(cluster, &topology, &arguments)?;
    seen.expect(0, "w1: it has /etc/meshwright; ")?;
    seen.expect(0, "3 nodes written")?;
    let text = fs::read_to_string(&topology)?;
    for expected in [
        "node_subnet = \"10.77.77.0/24\"",
        "name = \"cp1\"\nid = 1\nrole = \"control-plane\"\nos = \"debian-13\"\narch = \"amd64\"\nendpoint = \"203.0.113.10\"",
        "name = \"w2\"\nid = 3\nrole = \"worker\"\nos = \"debian-13\"\narch = \"amd64\"\nendpoint = \"203.0.113.21\"",
        "# w1 answers in 0 ms; packets of 1500 bytes arrive whole.",
    ] {
        ensure!(text.contains(expected), "no {expected}:\n{text}");
    }
    fs::remove_file(&topology)?;
    Ok(())
}

fn verify_finds_nothing(cluster: &mut Cluster) -> Result<()> {
    let verified = owner::meshwright(cluster, &["verify"])?;
    verified.expect(0, "3 of 3 machines and ")?;
    verified.expect(0, "files of objects compared: 0 differences")
}

/// An object that is gone is named with its file, and `apply.sh` brings it back.
fn verify_names_an_object(cluster: &mut Cluster) -> Result<()> {
    cluster.kubectl("delete --filename /etc/meshwright/cluster/calico/metadata.policy.yaml")?;
    let verified = owner::meshwright(cluster, &["verify", INIT])?;
    verified.expect(1, "/out/cluster/calico/metadata.policy.yaml)")?;
    verified.expect(1, "compared: 1 difference\n")?;
    cluster.machine(INIT)?.run("/etc/meshwright/cluster/apply.sh")?;
    verify_finds_nothing(cluster)
}

/// The connectivity test with the images and the Internet of the lab. The pods call the metadata services too, whose
/// addresses answer outside.
fn run_test(cluster: &Cluster) -> Result<OwnerResult> {
    let internet = format!("{}:{}", underlay::SERVER, file_server::PORT);
    let image = images::PROBE;
    owner::meshwright(cluster, &["test", "--image", image, "--internet", &internet])
}

fn test_passes(cluster: &mut Cluster) -> Result<()> {
    let tested = run_test(cluster)?;
    for line in [
        "pod to pod                     9 of 9\n",
        "pod to pod, full-size packets  9 of 9\n",
        "pod to Service, by name        3 of 3\n",
        "node to pod                    9 of 9\n",
        "node to Service                3 of 3\n",
        "node to NodePort in the mesh   9 of 9\n",
        "pod to Internet                3 of 3\n",
        "pod to metadata, closed        9 of 9\n",
    ] {
        tested.expect(0, line)?;
    }
    let left = cluster.kubectl("get namespaces --output name")?;
    ensure!(!left.contains("meshwright-test"), "not deleted: {left}");
    Ok(())
}

/// A fault, and what the test prints about it. Each is mended before the next.
const FAULTS: &[(&str, &str, &str)] = &[
    (
        "ip route add unreachable 10.244.1.0/24",
        "ip route del unreachable 10.244.1.0/24",
        "failed, node to pod: w1 to cp1 (10.244.1.",
    ),
    (
        "nft insert rule inet meshwright forward ip daddr 10.244.0.0/16 meta length '>=' 1300 drop",
        "systemctl reload-or-restart meshwright-firewall.service",
        "failed, pod to pod, full-size packets: ",
    ),
    (
        // The programs of Kubernetes listen in the mesh only, so an open firewall alone opens nothing.
        "systemd-run --quiet --unit lab-open systemd-socket-activate --accept --listen 0.0.0.0:6443 cat; \
         nft insert rule inet meshwright input tcp dport 6443 accept",
        "systemctl stop lab-open; systemctl reload-or-restart meshwright-firewall.service",
        "failed, node to public port, closed: cp1 to w1 (",
    ),
];

fn test_names_each_fault(cluster: &mut Cluster) -> Result<()> {
    let watch = "meshwright-watch.timer";
    cluster.machine(DAMAGED)?.run(&format!("systemctl stop {watch}"))?;
    for (damage, mend, line) in FAULTS {
        cluster.machine(DAMAGED)?.run(damage).context(*damage)?;
        let result = run_test(cluster)?.expect(1, line).context(*damage);
        cluster.machine(DAMAGED)?.run(mend).context(*mend)?;
        result?;
    }
    cluster.machine(DAMAGED)?.run(&format!("systemctl start {watch}"))?;
    test_passes(cluster)
}

fn apply_again(cluster: &mut Cluster) -> Result<()> {
    owner::meshwright(cluster, &["apply", "--yes"])?.expect(0, APPLIED)
}

/// A change of every node, one after the other: no packet between them is lost.
fn rolling_change(cluster: &mut Cluster) -> Result<()> {
    let streams =
        [ping(cluster, INIT, "w1")?, ping(cluster, "w1", "w2")?, ping(cluster, "w2", INIT)?];
    set_keepalive(cluster, 20)?;
    owner::meshwright(cluster, &["apply", "--yes"])?.expect(1, "left to do by hand")?;
    streams.into_iter().try_for_each(|stream| stream.expect(0))?;
    owner::commit(cluster)?;
    status_in_order(cluster)
}

/// The keepalive is in the files of every node and of every client.
fn set_keepalive(cluster: &Cluster, seconds: i64) -> Result<()> {
    cluster.workspace.edit(|topology| {
        topology["wireguard"]["persistent_keepalive"] = value(seconds);
        Ok(())
    })?;
    cluster.workspace.compile()
}

/// No order of deliveries keeps the pairs of a node whose key changes. At one moment they are cut for less than two
/// seconds, at 20 packets a second.
fn key_rotated_at_one_moment(cluster: &mut Cluster) -> Result<()> {
    const LOST_AT_MOST: u32 = 40;
    rotate(cluster, DAMAGED)?;
    let refused = owner::meshwright(cluster, &["apply", "--yes"])?;
    refused.expect(
        1,
        "the plan loses flows in between, so nothing was changed; to accept this: --allow-loss",
    )?;
    let kept = ping(cluster, INIT, ADDED)?;
    let cut = [ping(cluster, INIT, DAMAGED)?, ping(cluster, DAMAGED, ADDED)?];
    let applied = owner::meshwright(cluster, &["apply", "--yes", "--allow-loss"])?;
    applied.expect(1, "3 machines are in order, ")?;
    applied.expect(1, "left to do by hand")?;
    kept.expect(0)?;
    cut.into_iter().try_for_each(|stream| stream.expect(LOST_AT_MOST))?;
    cluster.workspace.meshwright(&["rotate", DAMAGED, "--finish"])?;
    owner::commit(cluster)?;
    status_in_order(cluster)
}

fn rotate(cluster: &Cluster, node: &str) -> Result<()> {
    cluster.workspace.meshwright(&["rotate", node])?;
    cluster.workspace.compile()
}

/// The controller is killed after the moment and before its confirmation: each machine goes back by itself, also one that
/// has lost its power meanwhile.
fn moment_goes_back(cluster: &mut Cluster) -> Result<()> {
    let key = "wg show wg0 public-key";
    let before = cluster.machine(DAMAGED)?.run(key)?;
    rotate(cluster, DAMAGED)?;
    let arguments = ["apply", "--yes", "--allow-loss"];
    owner::kill_at(cluster, &arguments, "3 machines have taken over")?;
    eventually(cluster.timeout, || {
        let now = cluster.machine(DAMAGED)?.run(key)?;
        ensure!(now != before, "the key is still {before}");
        Ok(())
    })?;
    cluster.machine(ADDED)?.cut_power()?;
    eventually(cluster.timeout, || {
        let now = cluster.machine(DAMAGED)?.run(key)?;
        ensure!(now == before, "the key is still {now}");
        for node in [INIT, DAMAGED, ADDED] {
            cluster.machine(node)?.run("test ! -e /var/lib/meshwright/undo")?;
        }
        Ok(())
    })?;
    expect_reachability(cluster)?;
    owner::meshwright(cluster, &arguments)?.expect(1, "left to do by hand")?;
    cluster.workspace.meshwright(&["rotate", DAMAGED, "--finish"])?;
    owner::commit(cluster)?;
    status_in_order(cluster)
}

/// While one `apply` holds the lock, another one says so and changes nothing.
fn second_apply_refused(cluster: &mut Cluster) -> Result<()> {
    set_keepalive(cluster, 21)?;
    let (host, _) = public_address(INIT).context("a public address")?;
    let mut holder = owner::connect(cluster, &host.to_string(), "meshwright-node hold")?;
    let mut line = String::new();
    BufReader::new(holder.stdout.take().context("a pipe")?).read_line(&mut line)?;
    ensure!(line == "held\n", "{line:?}");
    let refused = owner::meshwright(cluster, &["apply", "--yes"])?;
    let result =
        refused.expect(2, "another `meshwright apply` is running: from 198.51.100.77, since ");
    holder.kill()?;
    holder.wait()?;
    result
}

/// The controller is killed in each step; the next run completes the change.
fn apply_killed(cluster: &mut Cluster) -> Result<()> {
    for (keepalive, line) in [(22, "step 1:"), (23, "step 2:"), (24, "step 3:"), (25, "in order, ")]
    {
        set_keepalive(cluster, keepalive)?;
        owner::kill_at(cluster, &["apply", "--yes"], line)?;
        // The node lets go of the lock when the connection is closed.
        eventually(cluster.timeout, || {
            let again = owner::meshwright(cluster, &["apply", "--yes"])?;
            ensure!(again.code != Some(2), "{}", again.errors);
            again.expect(1, "left to do by hand").or_else(|_| again.expect(0, APPLIED))
        })
        .with_context(|| format!("killed at {line:?}"))?;
        owner::commit(cluster)?;
        status_in_order(cluster)?;
    }
    expect_reachability(cluster)
}

/// A change on a machine behind the owner's back, and what `status` prints about it.
struct Drift {
    script: &'static str,
    line: &'static str,
}

const DRIFTS: &[Drift] = &[
    Drift {
        script: "nft insert rule inet meshwright input accept",
        line: "w1: the loaded firewall has one more line: accept",
    },
    Drift {
        script: "nft flush chain inet meshwright forward",
        line: "w1: the firewall is not that of /etc/meshwright/nftables.conf",
    },
    Drift {
        script: "nft add table inet other; nft 'add chain inet other input { type filter hook input priority 10; policy drop; }'; \
                 nft add rule inet other input tcp dport 22 accept; nft add rule inet other input udp dport 51820 accept; \
                 nft add rule inet other input ct state established accept",
        line: "w1: other programs drop what Meshwright accepts: table inet other, chain input",
    },
    Drift {
        script: "ip route del 10.244.1.0/24 dev wg0",
        line: "w1: the route to 10.244.1.0/24 is missing",
    },
    Drift {
        script: "ip route del unreachable 10.66.66.0/24",
        line: "w1: the route guard `unreachable 10.66.66.0/24",
    },
    Drift {
        script: "wg set wg0 peer AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA= allowed-ips 10.66.66.99/32",
        line: "w1: the peer AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA= is not as in wg0.conf",
    },
    Drift {
        script: "sysctl -q -w net.ipv4.ip_forward=0",
        line: "w1: net.ipv4.ip_forward is 0 instead of 1",
    },
    Drift {
        script: "systemctl stop meshwright-resolve.timer",
        line: "w1: meshwright-resolve.timer is not active",
    },
    Drift {
        script: "systemctl disable -q meshwright-firewall.service",
        line: "w1: meshwright-firewall.service is not enabled",
    },
    Drift {
        script: "echo '# changed' >>/etc/meshwright/guards.routes",
        line: "w1: changed since the delivery: /etc/meshwright/guards.routes",
    },
];

/// Each drift is named, and no other: the table of the machine says how many there are. One delivery mends all that
/// belong to Meshwright.
fn status_names_each_drift(cluster: &mut Cluster) -> Result<()> {
    // The watch timer loads the firewall again within a minute.
    cluster.machine(DAMAGED)?.run("systemctl stop meshwright-watch.timer")?;
    let named = name_each_drift(cluster);
    // It would be in the way of the next trials.
    cluster.machine(DAMAGED)?.run("nft delete table inet other")?;
    named?;
    owner::meshwright(cluster, &["apply", "--yes"])?.expect(0, APPLIED)?;
    status_in_order(cluster)
}

fn name_each_drift(cluster: &Cluster) -> Result<()> {
    for drift in DRIFTS {
        cluster.machine(DAMAGED)?.run(drift.script).with_context(|| drift.script)?;
        let status = owner::meshwright(cluster, &["status", DAMAGED])?;
        status.expect(1, drift.line).with_context(|| drift.script)?;
    }
    let verified = owner::meshwright(cluster, &["verify", DAMAGED])?;
    for place in [
        "/host/guards.routes)",
        "/host/sysctl.conf:",
        "/nodes/w1/wg0.routes:",
        "/nodes/w1/nftables.conf",
    ] {
        verified.expect(1, place)?;
    }
    Ok(())
}

/// A machine whose kubelet does not start after its delivery: `apply` stops there, and the next machines are not touched.
fn gate_stops(cluster: &mut Cluster) -> Result<()> {
    let before = delivered(cluster, ADDED)?;
    cluster.machine(INIT)?.run("systemctl stop kubelet && systemctl mask --runtime -q kubelet")?;
    set_keepalive(cluster, 24)?;
    let stopped = owner::meshwright(cluster, &["apply", "--yes"])?;
    let result = stopped.expect(1, "stopped at step 1").and_then(|()| {
        let now = delivered(cluster, ADDED)?;
        ensure!(now == before, "{ADDED} has the delivery of {now:?}");
        Ok(())
    });
    cluster
        .machine(INIT)?
        .run("systemctl unmask --runtime -q kubelet && systemctl start kubelet")?;
    result?;
    eventually(cluster.timeout, || {
        let again = owner::meshwright(cluster, &["apply", "--yes"])?;
        again.expect(1, "left to do by hand").or_else(|_| again.expect(0, APPLIED))
    })?;
    owner::commit(cluster)
}

fn delivered(cluster: &Cluster, node: &str) -> Result<String> {
    cluster.machine(node)?.run("grep ^PersistentKeepalive /etc/wireguard/wg0.conf | sort -u")
}

/// A firewall that does not accept the laptop: the host refuses it, and everything stays as it was.
fn lockout_refused(cluster: &mut Cluster) -> Result<()> {
    let topology = cluster.workspace.path("topology.toml");
    let before = fs::read_to_string(&topology)?;
    cluster.workspace.edit(|topology| {
        topology["firewall"]["ssh_from"] = value(toml_edit::Array::from_iter(["192.0.2.7"]));
        Ok(())
    })?;
    cluster.workspace.compile()?;
    // The first step is the provider's firewall, by hand.
    let refused = owner::meshwright(cluster, &["apply", "--yes", "--done", "1"])?;
    let expected = "refused: the firewall of this delivery does not accept SSH from 198.51.100.77";
    refused.expect(1, expected)?;
    fs::write(&topology, before)?;
    cluster.workspace.compile()?;
    status_in_order(cluster)
}

/// Added by the same command: the machine is new, and no packet between the others is lost.
fn worker_added(cluster: &mut Cluster) -> Result<()> {
    const NEW: &str = "cp2";
    let streams = [ping(cluster, INIT, "w1")?, ping(cluster, "w1", ADDED)?];
    declare_node(cluster, NEW, 4, "worker")?;
    cluster.workspace.compile()?;
    cluster.switch_on(NEW)?;
    owner::authorize(cluster, NEW)?;
    owner::meshwright(cluster, &["apply", "--yes"])?.expect(1, "left to do by hand")?;
    streams.into_iter().try_for_each(|stream| stream.expect(0))?;
    owner::commit(cluster)?;
    cluster.await_all_ready()?;
    status_in_order(cluster)
}

/// Removed by the same command: drained, reset and deleted.
fn worker_removed(cluster: &mut Cluster) -> Result<()> {
    cluster.workspace.edit(|topology| {
        let nodes = topology["nodes"].as_array_of_tables_mut().context("nodes")?;
        nodes.retain(|node| node.get("name").and_then(Item::as_str) != Some(ADDED));
        topology["cluster"]["retired_ids"] = value(toml_edit::Array::from_iter([3_i64]));
        Ok(())
    })?;
    cluster.workspace.compile()?;
    owner::meshwright(cluster, &["apply", "--yes"])?.expect(1, "left to do by hand")?;
    let nodes = cluster.kubectl("get nodes --output name")?;
    ensure!(!nodes.contains(ADDED), "{ADDED} is still a node: {nodes}");
    cluster.machines.remove(ADDED);
    owner::commit(cluster)?;
    status_in_order(cluster)?;
    expect_reachability(cluster)
}
