//! The checks, in the order in which they run: each is one command inside the machine, and what it must print.

use std::time::Duration;

use anyhow::Result;

use super::guest::LIMIT;
use super::pair::Pair;

/// One check.
pub struct VmCheck {
    /// Its name.
    pub name: &'static str,
    /// What is done before it.
    pub before: fn(&mut Pair) -> Result<()>,
    /// A script inside the machine.
    pub command: &'static str,
    /// What it must print.
    pub expected: &'static str,
    /// How long it may print something else.
    pub limit: Duration,
}

/// A state that is reached after some time, without an action before it.
const STATE: VmCheck =
    VmCheck { name: "", before: |_| Ok(()), command: "", expected: "", limit: LIMIT };

/// For commands that change something: only their first result counts.
const ONCE: Duration = Duration::ZERO;

impl VmCheck {
    /// Runs the check.
    ///
    /// # Errors
    ///
    /// When the command does not print what is expected.
    pub fn run(&self, pair: &mut Pair) -> Result<()> {
        (self.before)(pair)?;
        pair.guest.expect(self.command, self.expected, self.limit)
    }
}

/// All checks.
pub const ALL: &[&[VmCheck]] = &[FIRST_BOOT, SECOND_BOOT, MESH, SERVICES];

/// cloud-init runs the emitted user-data, on the kernel and packages of a provider's image.
const FIRST_BOOT: &[VmCheck] = &[
    VmCheck {
        name: "cloud-init-runs-user-data",
        before: |pair| pair.wait_for_boot(),
        command: r#"tr -d ' \n' </run/cloud-init/result.json | sed 's/nvme.n1p1/disk/'; echo
            journalctl --unit meshwright-prepare --output cat | grep -o 'waiting for: .*'"#,
        expected: "{\"v1\":{\"datasource\":\"DataSourceNoCloud[seed=cmdline,/dev/disk][dsmode=local]\",\
            \"errors\":[]}}\n\
            waiting for: meshwright export alpha | ssh root@203.0.113.10 meshwright-node apply\n",
        ..STATE
    },
    VmCheck {
        name: "kernel-has-every-module",
        command: r"grep -v '^#' /etc/modules-load.d/meshwright.conf | while read -r module; do
                [[ -d /sys/module/$module ]] && echo $module || echo no $module
            done",
        expected: "br_netfilter\nip_vs\nip_vs_rr\nip_vs_sh\nip_vs_wrr\nnf_conntrack\noverlay\nwireguard\n",
        ..STATE
    },
    VmCheck {
        name: "kernel-has-every-parameter",
        command: r"grep -v '^#' /etc/sysctl.d/90-meshwright.conf | while read -r name _ value; do
                found=$(sysctl --values $name)
                [[ $found == $value ]] || echo $name is $found
            done",
        ..STATE
    },
    VmCheck {
        name: "firewall-is-loaded-before-the-delivery",
        command: "nft list tables; nft list chain inet meshwright input | grep -o 'hook input.*'",
        expected: "table inet meshwright\nhook input priority filter - 5; policy drop;\n",
        ..STATE
    },
    VmCheck {
        name: "delivery-starts-kernel-wireguard",
        before: |pair| pair.deliver_to_alpha().map(drop),
        command: "ip -details link show wg0 | grep -ow wireguard; type -t wireguard-go || echo alone\n\
            systemctl --failed --plain --no-legend",
        expected: "wireguard\nalone\n",
        ..STATE
    },
];

/// systemd starts the emitted units, after a reboot.
const SECOND_BOOT: &[VmCheck] = &[
    VmCheck {
        name: "units-start-in-order",
        before: Pair::reboot,
        command: r"started() { systemctl show --property=ExecMainStartTimestampMonotonic --value $1; }
            ended() { systemctl show --property=ExecMainExitTimestampMonotonic --value $1; }
            reached() { systemctl show --property=ActiveEnterTimestampMonotonic --value $1; }
            in_order() { (( $1 > 0 && $1 <= $2 )) && echo $3 before $4 || echo $3 NOT before $4: $1 $2; }
            network=$(reached network-pre.target) wg0=$(started wg-quick@wg0.service)
            in_order $(ended meshwright-firewall.service) $network firewall network-pre.target
            in_order $(ended meshwright-guards.service) $network guards network-pre.target
            in_order $network $(started systemd-networkd.service) network-pre.target networkd
            in_order $(ended meshwright-firewall.service) $(reached network-online.target) firewall network-online.target
            in_order $(ended meshwright-firewall.service) $wg0 firewall wg0
            in_order $(ended meshwright-guards.service) $wg0 guards wg0
            in_order $(ended wg-quick@wg0.service) $(started kubelet.service) wg0 kubelet
            in_order $(ended wg-quick@wg0.service) $(started meshwright-bootstrap.service) wg0 bootstrap",
        expected: "firewall before network-pre.target\nguards before network-pre.target\n\
            network-pre.target before networkd\nfirewall before network-online.target\n\
            firewall before wg0\nguards before wg0\nwg0 before kubelet\nwg0 before bootstrap\n",
        ..STATE
    },
    VmCheck {
        name: "routes-are-there-after-a-reboot",
        command: "ip route show type unreachable; ip route show dev wg0 proto kernel metric 512",
        expected: "unreachable 10.66.66.0/24 proto static metric 4294967295 \n\
            unreachable 10.244.0.0/16 proto static metric 4294967295 \n10.244.2.0/24 scope link \n",
        ..STATE
    },
    // No time server answers in the sandbox, so `bootstrap` stops at the clock.
    VmCheck {
        name: "bootstrap-accepts-the-kernel",
        command: "journalctl --boot --output=cat --unit=meshwright-bootstrap | grep '^meshwright: ' | head -n 6",
        expected: "meshwright: checking the kernel\nmeshwright: checking cgroups\n\
            meshwright: checking the address of wg0\nmeshwright: checking the API's name\n\
            meshwright: checking the clock\n\
            meshwright: the clock is not synchronised: timedatectl; the time server answers from UDP port 123\n",
        ..STATE
    },
];

/// WireGuard and nftables of the kernel, between both machines.
const MESH: &[VmCheck] = &[
    VmCheck {
        name: "handshake",
        before: |pair| pair.start_beta(),
        command: r"at() {
                local sessions kind
                sessions=$(${@:3} wg show wg0 latest-handshakes | awk '$2 > 0' | wc -l)
                kind=$(${@:3} ip -details link show wg0 | grep -ow wireguard)
                ${@:3} ping -q -c 1 -W 2 $2 >/dev/null && echo $1: $kind, $sessions session || echo $1: no answer
            }
            at alpha 10.66.66.2 env
            at beta 10.66.66.1 beta",
        expected: "alpha: wireguard, 1 session\nbeta: wireguard, 1 session\n",
        ..STATE
    },
    VmCheck {
        name: "pod-pairs",
        command: "ask in_pod alpha 10.244.2.2:8080; ask in_pod beta 10.244.1.2:8080; ask 10.244.2.2:8080",
        expected: "beta\nalpha\nbeta\n",
        ..STATE
    },
    VmCheck {
        name: "full-size-packets",
        command: r"in_pod alpha ping -q -c 1 -W 5 -M do -s 1392 10.244.2.2 | grep -o '. received'
            in_pod alpha ping -q -c 1 -W 5 -M do -s 1393 10.244.2.2 2>&1 | grep -o '+1 errors' || true",
        expected: "1 received\n+1 errors\n",
        ..STATE
    },
    VmCheck {
        name: "public-side-closed",
        command: r#"systemctl is-active --quiet listener ||
                systemd-run --quiet --unit=listener socat TCP-LISTEN:10250,fork,reuseaddr SYSTEM:'echo open'
            for port in 22 6443 10250; do ask beta 203.0.113.10:$port; done
            ask beta 10.66.66.1:10250
            ask 127.0.0.1:22 | grep -o '^SSH'"#,
        expected: "closed\nclosed\nclosed\nopen\nSSH\n",
        ..STATE
    },
    VmCheck {
        name: "wg-reload-loses-no-packet",
        command: r"reload() { for round in 1 2 3; do systemctl reload wg-quick@wg0.service; done; }
            received() { wg show wg0 transfer | cut -f 2; }
            before=$(received)
            lost_during reload
            (( $(received) > before )) && echo the peer was kept",
        expected: "lost 0\nthe peer was kept\n",
        limit: ONCE,
        ..STATE
    },
    VmCheck {
        name: "delivery-of-a-peer-loses-no-packet",
        before: |pair| pair.deliver_another_peer(),
        command: "stop_pings; wg show wg0 allowed-ips | cut -f 2 | sort",
        expected: "lost 0\n10.66.66.2/32 10.244.2.0/24\n10.66.66.200/32\n",
        limit: ONCE,
    },
];

/// IPVS of the kernel, as kube-proxy sets it up with the emitted configuration.
const SERVICES: &[VmCheck] = &[
    VmCheck {
        name: "ip-vs-has-the-services",
        before: |pair| pair.start_kube_proxy(),
        command: "ipvsadm --save --numeric | sort",
        expected: "-A -t 10.66.66.1:30080 -s rr\n-A -t 10.96.0.1:443 -s rr\n-A -t 10.96.0.79:2379 -s rr\n\
            -A -t 10.96.0.80:80 -s rr\n-a -t 10.66.66.1:30080 -r 10.244.1.2:8080 -m -w 1\n\
            -a -t 10.66.66.1:30080 -r 10.244.2.2:8080 -m -w 1\n\
            -a -t 10.96.0.79:2379 -r 10.244.2.2:8080 -m -w 1\n\
            -a -t 10.96.0.80:80 -r 10.244.1.2:8080 -m -w 1\n\
            -a -t 10.96.0.80:80 -r 10.244.2.2:8080 -m -w 1\n",
        ..STATE
    },
    VmCheck {
        name: "services-answer-through-ip-vs",
        command: r"several() { for round in 1 2 3 4; do ask $@; done | sort -u | tr '\n' ' '; echo; }
            several 10.96.0.80:80; several in_pod alpha 10.96.0.80:80; several beta 10.66.66.1:30080
            ask in_pod alpha 10.96.0.79:2379; ask beta 203.0.113.10:30080",
        expected: "alpha beta \nalpha beta \nalpha beta \nbeta\nclosed\n",
        ..STATE
    },
];
