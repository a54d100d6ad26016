//! The first boot of hosts on which something passes late, and of hosts that have something already.

use std::fs::{self, File};
use std::process::{Child, Command, Stdio};

use libtest_mimic::Failed;
use tempfile::NamedTempFile;

use super::delivering::{APPLY, expect_equal};
use super::folder;
use super::machine::{HostFault, HostMachine, NetworkSwitch, fault};
use super::workspace::Workspace;

/// How long a package mirror does not answer, or another program holds apt's lock, in seconds.
const LATE: &str = "120";

/// The longest time between the first packet that a host answers and the firewall, in milliseconds. cloud-init
/// reads user-data when the network is up.
const OPEN_AT_MOST: u32 = 5_000;

/// A lock of apt's lists that another program holds for two minutes, and a mirror that answers after two: both hosts
/// are prepared without a person, and closed long before.
pub(super) fn waits_for_lock_and_mirror() -> Result<(), Failed> {
    let workspace = Workspace::new(&["alpha", "beta"])?;
    let switch = NetworkSwitch::new()?;
    let outside = Outside::look(&switch, &["203.0.113.1", "203.0.113.2"])?;
    let alpha = workspace.switch_on_with(&switch, "alpha", 1, &[("srv/lock", LATE)])?;
    let beta = workspace.switch_on_with(&switch, "beta", 2, &[("srv/late", LATE)])?;
    alpha.wait_for_console(
        "waiting for another program: E: Could not get lock /var/lib/apt/lists/lock",
    )?;
    beta.wait_for_console(
        "waiting: code 16 at: adding the repository of Kubernetes; it is tried again in 30 seconds",
    )?;
    beta.run("meshwright-node status")?
        .expect(1, "not prepared yet: the key of the repository cannot be fetched")?;
    beta.feed(APPLY, b"")?.expect(33, "this host is not prepared")?;
    for (machine, address) in [(&alpha, "203.0.113.1"), (&beta, "203.0.113.2")] {
        machine
            .run("nft list tables; ip route show type unreachable | wc -l")?
            .expect(0, "table inet meshwright\n2\n")?;
        machine.wait_for_console(&format!("waiting for: meshwright export {}", machine.name))?;
        machine.run("systemctl --failed --plain --no-legend")?.expect(0, "")?;
        outside.expect_closed(address)?;
    }
    Ok(())
}

/// `prepare` refuses each of these before it writes anything.
const PREPARE_FAULTS: &[HostFault] = &[
    // What kubeadm requires and what packages need is named, and does not end it.
    fault(
        "echo 'MemTotal: 1000000 kB' >/run/memory; mount --bind /run/memory /proc/meminfo",
        "umount /proc/meminfo",
        25,
        "this host has 976 MiB of memory: kubeadm requires 1700 MiB of a control plane",
    ),
    fault(
        "mkdir /run/small; mount -t tmpfs -o size=99m none /run/small; \
         cp -a /var/lib/meshwright /var/lib/dpkg /run/small; mount --bind /run/small /var/lib",
        "umount /var/lib /run/small",
        25,
        "MiB of free disk space: packages and images need 3000 MiB",
    ),
    fault(
        "",
        "rm /etc/wireguard/wg0.conf",
        25,
        "would replace or cut off: /etc/wireguard/wg0.conf; nothing was changed",
    ),
    fault(
        "echo key >/etc/wireguard/wg0.key",
        "rm /etc/wireguard/wg0.key",
        25,
        "would replace or cut off: /etc/wireguard/wg0.key; nothing was changed",
    ),
    fault(
        "echo 'version = 2' >/etc/containerd/config.toml",
        "rm /etc/containerd/config.toml",
        25,
        "/etc/containerd/config.toml; nothing was changed",
    ),
    fault(
        "ip tuntap add wg0 mode tun",
        "ip link delete wg0",
        25,
        "the interface wg0; nothing was changed",
    ),
    fault(
        "ip link add docker0 type bridge",
        "ip link delete docker0",
        25,
        "the bridge docker0, whose packets are not forwarded any more; nothing was changed",
    ),
    fault(
        "cp /var/lib/dpkg/status /root; printf 'Package: docker.io\\nStatus: install ok installed\\nVersion: 20.10\\nArchitecture: amd64\\nMaintainer: a <a@example.com>\\nDescription: a\\n\\n' >>/var/lib/dpkg/status",
        "cp /root/status /var/lib/dpkg/status",
        25,
        "the package docker.io, which containerd.io replaces; nothing was changed",
    ),
    fault(
        "mkdir -p /etc/kubernetes; touch /etc/kubernetes/kubelet.conf",
        "rm -r /etc/kubernetes",
        25,
        "/etc/kubernetes, of a node of a cluster; nothing was changed",
    ),
    fault(
        "ip address add 10.104.0.2/20 dev host0",
        "ip address del 10.104.0.2/20 dev host0",
        26,
        "10.104.0.0/20 (a route through host0) is in 10.96.0.0/12 of the topology",
    ),
    fault(
        "ip route add 10.244.7.0/24 dev host0",
        "ip route del 10.244.7.0/24 dev host0",
        26,
        "10.244.7.0/24 (a route through host0) is in 10.244.0.0/16 of the topology",
    ),
    fault(
        "ip address add 10.66.66.1/32 dev lo",
        "ip address del 10.66.66.1/32 dev lo",
        26,
        "10.66.66.1 (an address of lo) is in 10.66.66.0/24 of the topology",
    ),
    fault(
        "echo nameserver 10.96.0.53 >/run/resolver; touch /etc/resolv.conf; mount --bind /run/resolver /etc/resolv.conf",
        "umount /etc/resolv.conf",
        26,
        "10.96.0.53 (a resolver) is in 10.96.0.0/12 of the topology",
    ),
];

/// A host with a VPN of its owner is not changed until the owner lets Meshwright take over, and keeps a copy.
pub(super) fn looks_before_it_takes_over() -> Result<(), Failed> {
    let workspace = Workspace::new(&["alpha", "beta"])?;
    let switch = NetworkSwitch::new()?;
    let vpn = [("etc/wireguard/wg0.conf", VPN)];
    let alpha = workspace.switch_on_with(&switch, "alpha", 1, &vpn)?;
    let beta = workspace.switch_on_with(&switch, "beta", 2, &vpn)?;
    for machine in [&alpha, &beta] {
        machine.wait_for_console(
            "prepare stopped with code 25 at: looking for what this host would lose",
        )?;
    }
    let listed = "ls -d /etc/meshwright /etc/containerd/config.toml /etc/systemd/system/meshwright-* 2>/dev/null; \
                  nft list tables; cat /etc/wireguard/wg0.conf";
    expect_equal(VPN, &alpha.run(listed)?.output)?;
    for HostFault { inject, repair, code, output } in PREPARE_FAULTS {
        alpha.run(&format!("mkdir -p /etc/containerd; {inject}"))?.expect(0, "")?;
        alpha.run(PREPARE)?.expect(*code, output)?;
        alpha
            .run("ls /etc/meshwright; nft list tables")?
            .expect(0, "ls: cannot access '/etc/meshwright'")?;
        alpha.run(repair)?.expect(0, "")?;
    }
    let version_one =
        "unshare --mount sh -c 'mount -t tmpfs none /sys/fs/cgroup; exec meshwright-node prepare'";
    alpha.run(version_one)?.expect(29, "this host has cgroup v1")?;
    refuses_rules_of_others(&alpha)?;
    beta.run("meshwright-node prepare --take-over")?
        .expect(0, "taking over: /etc/wireguard/wg0.conf; ")?;
    beta.run("cat /var/backups/meshwright-*/etc/wireguard/wg0.conf")?.expect(0, VPN)?;
    beta.run("ls /etc/wireguard/wg0.conf")?.expect(2, "")?;
    beta.feed(APPLY, &workspace.export("beta")?)?.expect(0, "delivered to beta")?;
    Ok(())
}

/// The firewall is loaded, and what drops packets besides it is named; a kernel without its modules too.
fn refuses_rules_of_others(alpha: &HostMachine) -> Result<(), Failed> {
    alpha.run("iptables -P INPUT DROP")?.expect(0, "")?;
    alpha.run(PREPARE)?.expect(20, "rules of another program drop packets that Meshwright's table accepts: table ip filter, chain INPUT.")?;
    alpha.run("iptables -P INPUT ACCEPT; iptables-legacy -P FORWARD DROP")?.expect(0, "")?;
    alpha
        .run(PREPARE)?
        .expect(20, "that Meshwright's table accepts: iptables-legacy, chain FORWARD.")?;
    alpha
        .run("iptables-legacy -P FORWARD ACCEPT; mv /usr/local/sbin/modprobe /root")?
        .expect(0, "")?;
    alpha
        .run(PREPARE)?
        .expect(14, "an upgrade has removed the modules of this kernel, so reboot")?;
    alpha.run("mv /root/modprobe /usr/local/sbin")?.expect(0, "")?;
    // As with ipv6.disable=1.
    let without_ipv6 = "unshare --mount sh -c \
        'mount -t tmpfs none /proc/sys/net/ipv6; exec meshwright-node prepare'";
    alpha.run(without_ipv6)?.expect(0, "waiting for: meshwright export alpha")?;
    alpha.run(PREPARE)?.expect(0, "waiting for: meshwright export alpha")?;
    Ok(())
}

const PREPARE: &str = "meshwright-node prepare";

/// The VPN of the most used install script.
const VPN: &str = "[Interface]\nAddress = 10.66.66.1/24\nListenPort = 51820\n\
    PrivateKey = 0000000000000000000000000000000000000000000=\n";

/// A program that looks at hosts from outside.
struct Outside {
    child: Child,
    seen: NamedTempFile,
}

impl Outside {
    fn look(switch: &NetworkSwitch, hosts: &[&str]) -> Result<Self, Failed> {
        let seen = NamedTempFile::new_in(env!("CARGO_TARGET_TMPDIR"))?;
        let child = switch
            .command()
            .arg(folder().join("outside.sh"))
            .args(["underlay", "203.0.113.254", "9999"])
            .args(hosts)
            .stdin(Stdio::null())
            .stdout(File::create(seen.path())?)
            .spawn()?;
        Ok(Self { child, seen })
    }

    /// A host has answered, was open for less than the allowed time, and has stayed closed.
    fn expect_closed(&self, host: &str) -> Result<(), Failed> {
        let seen = fs::read_to_string(self.seen.path())?;
        let states = seen.lines().filter_map(|line| {
            let mut words = line.split(' ');
            let time = words.next()?.parse::<u32>().ok()?;
            (words.next()? == host).then(|| (time, words.next().unwrap_or_default()))
        });
        let states: Vec<_> = states.collect();
        let closed_in_time = match states[..] {
            [(0, "up")] => true,
            [(0, "up"), (_, "open"), (closed, "closed")] => closed <= OPEN_AT_MOST,
            _ => false,
        };
        match closed_in_time {
            true => Ok(()),
            false => Err(format!("{host} was seen from outside as {states:?}").into()),
        }
    }
}

impl Drop for Outside {
    fn drop(&mut self) {
        // Its loops are children of it, and end with the process group's namespace.
        let children = format!("/proc/{0}/task/{0}/children", self.child.id());
        let inside = fs::read_to_string(children).unwrap_or_default();
        let _ = Command::new("kill").args(inside.split_whitespace()).status();
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
