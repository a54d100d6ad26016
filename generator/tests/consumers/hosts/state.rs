//! Deliveries and `status` look at the kernel and at systemd, not only at files.

use std::io::Write as _;
use std::process::{Command, Stdio};

use libtest_mimic::Failed;
use tempfile::TempDir;

use super::delivering::{APPLY, IN_ORDER, LIST_FILES, expect_equal};
use super::machine::HostMachine;
use super::workspace::Workspace;
use crate::expect::{expect_code, expect_text};

const STATUS: &str = "meshwright-node status";

/// The timer would repair the firewall before `status` looks at it.
const STOP_WATCH: &str = "systemctl stop meshwright-watch.timer";

/// What is done to a host behind the back of its files, and the line of `status` about it.
const SABOTAGES: &[(&str, &str)] = &[
    (
        "nft insert rule inet meshwright input accept",
        "differs    the firewall is not that of /etc/meshwright/nftables.conf\n",
    ),
    (
        "nft flush chain inet meshwright input; \
         nft chain inet meshwright input '{ policy accept; }'",
        "differs    the firewall is not that of /etc/meshwright/nftables.conf\n",
    ),
    (
        "nft flush chain inet meshwright egress",
        "differs    the firewall is not that of /etc/meshwright/nftables.conf\n",
    ),
    ("nft delete table inet meshwright", "differs    the firewall is not loaded\n"),
    (
        "ip route del unreachable 10.244.0.0/16 metric 4294967295",
        "differs    the route guard `unreachable 10.244.0.0/16 proto static metric 4294967295` is missing\n",
    ),
    (
        "ip route del 10.244.1.0/24 dev wg0 proto kernel metric 512",
        "differs    the route to 10.244.1.0/24 is missing\n",
    ),
    (
        "ip route add 10.99.9.0/24 dev wg0 proto kernel metric 512",
        "differs    the route to 10.99.9.0/24 is not in the files\n",
    ),
    (
        "wg set wg0 peer NayNjZtB0ZqbX60CIQ/1v3Ik0eXLEZODZiEgAx6Mr0o= allowed-ips 10.66.66.77/32",
        "differs    the peer NayNjZtB0ZqbX60CIQ/1v3Ik0eXLEZODZiEgAx6Mr0o= is not as in wg0.conf\n",
    ),
    (
        "wg set wg0 peer $(awk '$2 == \"alpha\" { print $3 }' /etc/wireguard/wg0.peers) remove",
        "differs    the peer alpha is not as in wg0.conf\n",
    ),
    ("sysctl -qw net.ipv4.ip_forward=0", "differs    net.ipv4.ip_forward is 0 instead of 1\n"),
    (
        "systemctl unmask --quiet nftables && systemctl enable --quiet nftables",
        "differs    nftables.service is enabled: it would change the firewall\n",
    ),
    ("systemctl disable --quiet wg-quick@wg0", "differs    wg-quick@wg0.service is not enabled\n"),
    ("systemctl stop wg-quick@wg0", "differs    wg-quick@wg0.service is not active\n"),
    ("systemctl stop kubelet", "differs    kubelet.service is not active\n"),
    (
        "systemctl stop meshwright-guards; ip route flush type unreachable",
        "differs    meshwright-guards.service is not active\n",
    ),
];

/// On a worker that is in the cluster.
pub(super) fn is_compared(workspace: &Workspace, beta: &HostMachine) -> Result<(), Failed> {
    let sound = workspace.export("beta")?;
    for (sabotage, difference) in SABOTAGES {
        beta.run(&format!("{STOP_WATCH}; {sabotage}"))?.expect(0, "")?;
        beta.run(STATUS)?.expect(1, difference)?;
        beta.feed(APPLY, &sound)?.expect(0, "no file changes")?;
        beta.wait_for(&format!("{STATUS} | grep -qx '{}'", IN_ORDER.trim_end()))?;
    }
    names_foreign_chains(beta)?;
    names_foreign_chains_at_a_delivery(beta, &sound)?;
    names_missing_default_route(beta)?;
    names_what_ends(beta, &sound)?;
    writes_metrics(beta, &sound)?;
    closes_without_its_firewall(beta)?;
    keeps_newer_delivery(workspace, beta, &sound)?;
    survives_full_disk(workspace, beta)?;
    keeps_foreign_file(workspace, beta)?;
    keeps_delivery_at_another_first_boot(beta)
}

/// Where node-exporter of Debian reads.
const COLLECTOR: &str = "/var/lib/prometheus/node-exporter";

/// Prints each sample as the client library of Prometheus reads it.
const READ_METRICS: &str = "
import sys
from prometheus_client.parser import text_string_to_metric_families
for family in text_string_to_metric_families(sys.stdin.read()):
    for sample in family.samples:
        labels = {key: value for key, value in sample.labels.items() if key not in ('cluster', 'node', 'path')}
        print(sample.name, family.type, *sorted(labels.values()), sample.value)
";

/// Only where node-exporter has its folder. A difference is counted in its area.
fn writes_metrics(beta: &HostMachine, sound: &[u8]) -> Result<(), Failed> {
    beta.run(&format!("{START_METRICS}; test ! -e {COLLECTOR}"))?.expect(0, "")?;
    beta.run(&format!("mkdir -p {COLLECTOR}"))?.expect(0, "")?;
    for (sabotage, samples) in [
        (
            "true",
            [
                "meshwright_delivery_is_whole gauge 1.0\n",
                "meshwright_differences gauge firewall 0.0\n",
                "meshwright_is_member gauge 1.0\n",
                "meshwright_package_info gauge ",
            ],
        ),
        (
            "nft insert rule inet meshwright input accept; echo >>/etc/meshwright/guards.routes",
            [
                "meshwright_differences gauge firewall 1.0\n",
                "meshwright_differences gauge guards 0.0\n",
                "meshwright_changed_files gauge 1.0\n",
                "meshwright_foreign_chains_drop gauge 0.0\n",
            ],
        ),
    ] {
        beta.run(&format!("{STOP_WATCH}; {sabotage}; {START_METRICS}"))?.expect(0, "")?;
        let text = beta.run(&format!("cat {COLLECTOR}/meshwright.prom"))?.expect(0, "")?.output;
        let read = read_metrics(&text)?;
        for sample in samples {
            expect_text(&read, sample)?;
        }
    }
    beta.feed(APPLY, sound)?.expect(0, "")?;
    Ok(())
}

fn read_metrics(text: &str) -> Result<String, Failed> {
    let mut child = Command::new("/usr/bin/python3")
        .args(["-c", READ_METRICS])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    child.stdin.take().ok_or("no pipe")?.write_all(text.as_bytes())?;
    expect_code(&child.wait_with_output()?, 0)
}

const START_METRICS: &str = "systemctl start meshwright-metrics.service";

/// Rules of other programs at input: all of them, and some of them.
fn names_foreign_chains(beta: &HostMachine) -> Result<(), Failed> {
    let bans = "nft 'table inet f2b { chain f2b-chain { type filter hook input priority -1; tcp dport 22 ip saddr 192.0.2.9 reject; }; }'";
    beta.run(bans)?.expect(0, "")?;
    beta.run(STATUS)?.expect(
        0,
        "rules      other programs drop some packets: table inet f2b, chain f2b-chain\n",
    )?;
    let firewall = "iptables -N guard; iptables -A guard -j DROP; iptables -A INPUT -i lo -j ACCEPT; iptables -P INPUT DROP";
    beta.run(firewall)?.expect(0, "")?;
    beta.run(STATUS)?.expect(
        1,
        "rules      other programs drop what Meshwright accepts: table ip filter, chain INPUT\n",
    )?;
    beta.run("iptables -P INPUT ACCEPT; iptables -A INPUT -j guard")?.expect(0, "")?;
    beta.run(STATUS)?.expect(
        0,
        "drop some packets: table inet f2b, chain f2b-chain; table ip filter, chain INPUT\n",
    )?;
    beta.run("iptables -F; iptables -X; nft delete table inet f2b")?.expect(0, "")?;
    let without = beta.run(STATUS)?.expect(0, IN_ORDER)?;
    match without.output.contains("rules ") {
        true => Err(without.output.into()),
        false => Ok(()),
    }
}

/// A delivery does not remove them, and does not end in silence.
fn names_foreign_chains_at_a_delivery(beta: &HostMachine, sound: &[u8]) -> Result<(), Failed> {
    beta.run("iptables -P FORWARD DROP")?.expect(0, "")?;
    beta.feed(APPLY, sound)?.expect(
        0,
        "rules of other programs drop what Meshwright accepts: table ip filter, chain FORWARD\n",
    )?;
    beta.run("iptables -P FORWARD ACCEPT")?.expect(0, "")?;
    Ok(())
}

/// A disk that is nearly full, a clock that nothing corrects, a certificate of the next days, and updates of packages
/// that are held.
fn names_what_ends(beta: &HostMachine, sound: &[u8]) -> Result<(), Failed> {
    let small = "unshare --mount sh -c 'mkdir -p /run/small; mount -t tmpfs -o size=99m none /run/small; \
                 cp -a /var/lib/meshwright /var/lib/dpkg /run/small; mount --bind /run/small /var/lib; \
                 exec meshwright-node status'";
    beta.run(small)?.expect(1, "next: free disk space: kubelet evicts pods before it is full\n")?;
    beta.run("echo no >/run/clock")?.expect(0, "")?;
    beta.run(STATUS)?.expect(1, "clock      not synchronised\n")?;
    let certificate = "rm /run/clock; mkdir -p /etc/kubernetes/pki; \
        openssl req -x509 -newkey ed25519 -noenc -days 9 -subj /CN=api -keyout /dev/null -out /etc/kubernetes/pki/api.crt";
    beta.run(certificate)?.expect(0, "")?;
    beta.run(STATUS)?.expect(1, "expires    /etc/kubernetes/pki/api.crt: 20")?;
    beta.run("rm /etc/kubernetes/pki/api.crt")?.expect(0, "")?;
    renews_keys(beta, sound)?;
    // The newest containerd of the repository is of another major version.
    let updates = "updates +kubelet (1\\.[0-9]+)\\.2-1\\.1 is held, and \\1\\.4-1\\.1 is available";
    beta.run(&format!("{STATUS} | grep -xE '{updates}'"))?.expect(0, "")?;
    Ok(())
}

/// A key that ends soon is named, and read again with the next delivery.
fn renews_keys(beta: &HostMachine, sound: &[u8]) -> Result<(), Failed> {
    const KEYRING: &str = "/etc/apt/keyrings/meshwright-kubernetes.gpg";
    let home = TempDir::new()?;
    let gpg = |arguments: &[&str]| {
        let mut gpg = Command::new("gpg");
        gpg.arg("--homedir").arg(home.path()).args(["--batch", "--quiet", "--passphrase", ""]);
        gpg.args(arguments).output()
    };
    gpg(&["--quick-generate-key", "ending", "ed25519", "sign", "9d"])?;
    let ending = gpg(&["--export"])?.stdout;
    beta.run(&format!("cp {KEYRING} /run/keyring"))?.expect(0, "")?;
    beta.feed(&format!("cat >{KEYRING}"), &ending)?.expect(0, "")?;
    beta.run(STATUS)?
        .expect(1, "expires    the key of the package repository of kubernetes: 20")?;
    beta.feed(APPLY, sound)?.expect(0, &format!("wrote {KEYRING}\n"))?;
    beta.run(&format!("cmp {KEYRING} /run/keyring"))?.expect(0, "")?;
    Ok(())
}

/// Without it, pods do not find their gateway.
fn names_missing_default_route(beta: &HostMachine) -> Result<(), Failed> {
    beta.run("ip route del default")?.expect(0, "")?;
    beta.run(STATUS)?.expect(
        1,
        "next: this host has no IPv4 default route, and without one its pods reach nothing",
    )?;
    beta.run("ip route add default via 203.0.113.254")?.expect(0, "")?;
    beta.run(STATUS)?.expect(0, IN_ORDER).map(drop)
}

/// A table that is gone comes back, also from a damaged file; without any file, the mesh and kubelet do not start.
fn closes_without_its_firewall(beta: &HostMachine) -> Result<(), Failed> {
    let loaded = "nft list chain inet meshwright input | grep -q 'policy drop'";
    let file = "/etc/meshwright/nftables.conf";
    beta.run("nft flush ruleset")?.expect(0, "")?;
    beta.wait_for(loaded)?;
    beta.run("test -s /var/lib/meshwright/nftables.conf")?.expect(0, "")?;
    beta.run(&format!("cp {file} /root; echo 'table {{' >>{file}; sync"))?.expect(0, "")?;
    beta.run(STATUS)?.expect(
        1,
        "the firewall is not that of /etc/meshwright/nftables.conf, which is damaged\n",
    )?;
    beta.run("nft flush ruleset")?.expect(0, "")?;
    beta.wait_for(loaded)?;
    beta.cut_power()?;
    beta.run(loaded)?.expect(0, "")?;
    let without = format!(
        "{STOP_WATCH}; mv /var/lib/meshwright/nftables.conf /root/last; nft flush ruleset; \
         systemctl restart wg-quick@wg0 kubelet; systemctl is-active wg-quick@wg0 kubelet; \
         mv /root/last /var/lib/meshwright/nftables.conf; mv /root/nftables.conf {file}; \
         systemctl start meshwright-watch.timer"
    );
    beta.run(&without)?.expect(0, "failed\nfailed\n")?;
    beta.wait_for(&format!("{loaded} && systemctl is-active wg-quick@wg0"))?;
    beta.run("systemctl start kubelet")?.expect(0, "")?;
    beta.wait_for(&format!("{STATUS} | grep -qx '{}'", IN_ORDER.trim_end())).map(drop)
}

fn keeps_newer_delivery(
    workspace: &Workspace,
    beta: &HostMachine,
    older: &[u8],
) -> Result<(), Failed> {
    beta.feed(APPLY, &workspace.export("beta")?)?.expect(0, "delivered to beta")?;
    beta.feed(APPLY, older)?.expect(38, "refused: this delivery was exported at 20")?;
    beta.feed("meshwright-node apply --older", older)?.expect(0, "delivered to beta")?;
    Ok(())
}

/// A file cannot be written: nothing has changed, and no part of a file is left.
fn survives_full_disk(workspace: &Workspace, beta: &HostMachine) -> Result<(), Failed> {
    let fill = "set -e; echo 203.0.113.9 spoilt >>/etc/meshwright/hosts; cp -a /etc/meshwright /root/small; \
        mount -t tmpfs -o size=1m disk /etc/meshwright; cp -a /root/small/. /etc/meshwright; \
        head -c 9m /dev/zero >/etc/meshwright/full 2>/dev/null || true";
    beta.run(fill)?.expect(0, "")?;
    let before = beta.run(LIST_FILES)?.output;
    let refused = beta.feed(APPLY, &workspace.export("beta")?)?;
    refused.expect(34, "nothing was changed, because a file cannot be written: ")?;
    expect_equal(&before, &beta.run(LIST_FILES)?.output)?;
    beta.run("find /etc /var/lib/meshwright -name '*.meshwright'; umount /etc/meshwright")?
        .expect(0, "")?;
    beta.feed(APPLY, &workspace.export("beta")?)?
        .expect(0, "/etc/meshwright/hosts (+0 -1 lines)")?;
    Ok(())
}

/// A file of the owner at a path of a new file.
fn keeps_foreign_file(workspace: &Workspace, beta: &HostMachine) -> Result<(), Failed> {
    let path = "/etc/systemd/system/meshwright-watch.timer";
    let own = format!(
        "sed -i '\\|{}$|d' /etc/meshwright/delivery; cp {path} /root; echo '[Timer]' >{path}",
        path.trim_start_matches('/')
    );
    beta.run(&own)?.expect(0, "")?;
    beta.feed(APPLY, &workspace.export("beta")?)?.expect(
        25,
        "refused: these files are not Meshwright's: /etc/systemd/system/meshwright-watch.timer. ",
    )?;
    beta.feed("meshwright-node apply --take-over", &workspace.export("beta")?)?
        .expect(0, "copies are in /var/backups/meshwright-")?;
    beta.run("cat /var/backups/meshwright-*/etc/systemd/system/meshwright-watch.timer")?
        .expect(0, "[Timer]\n")?;
    Ok(())
}

/// A disk that is put on a new machine: cloud-init runs user-data again.
fn keeps_delivery_at_another_first_boot(beta: &HostMachine) -> Result<(), Failed> {
    let files = format!(
        "{LIST_FILES} | grep -v -e /etc/ssh/ -e /etc/machine-id -e /etc/hosts -e /etc/cloud -e /etc/sudoers.d/"
    );
    let before = beta.run(&files)?.output;
    let instance = "echo 'instance-id: another' >/var/lib/cloud/seed/nocloud/meta-data; sync";
    beta.run(instance)?.expect(0, "")?;
    beta.cut_power()?;
    beta.wait_for("test -e /var/lib/cloud/instances/another/boot-finished")?;
    expect_equal(&before, &beta.run(&files)?.output)?;
    beta.wait_for(&format!("{STATUS} | grep -qx '{}'", IN_ORDER.trim_end()))?;
    beta.run("ls /var/lib/meshwright/first-boot")?.expect(2, "No such file")?;
    let copy = "sed -i 's/ for beta / for gamma /' /etc/meshwright/delivery; \
                cloud-init single --name bootcmd --frequency always; \
                sed -i 's/ for gamma / for beta /' /etc/meshwright/delivery";
    beta.run(copy)?.expect(0, "this disk is a copy: it has the delivery for gamma of pair, and this user-data is for beta of pair")?;
    Ok(())
}
