//! Texts of `nftables.conf` that nft refuses, and what people add without harm. The whole list is compared
//! with nft itself in `tests/consumers/firewall_texts.rs`.

use super::{Broken, Change, EXAMPLE, Harmless};

const FIREWALL: &str = "nodes/tokyo/nftables.conf";
const LOOPBACK: &str = "    iifname \"lo\" accept\n";

const fn broken(
    name: &'static str,
    change: Change,
    cause: &'static str,
    place: &'static str,
) -> Broken {
    Broken { name, topology: EXAMPLE, file: FIREWALL, change, cause, place }
}

pub(super) const BROKEN: &[Broken] = &[
    broken(
        "jump to a base chain",
        Change::Replace("jump client_input", "jump forward"),
        "not-understood: nft refuses a jump to the base chain `forward`",
        "nodes/tokyo/nftables.conf:63",
    ),
    broken(
        "circle of jumps",
        Change::Replace("    counter drop comment \"client\"", "    jump client_input"),
        "not-understood: nft refuses this jump: `client_input` jumps back to itself",
        "nodes/tokyo/nftables.conf:89",
    ),
    broken(
        "carriage return",
        Change::Replace(LOOPBACK, "    iifname \"lo\" accept\r\n"),
        "not-understood: nft refuses lines that end with a carriage return",
        "nodes/tokyo/nftables.conf:58",
    ),
    broken(
        "two verdicts",
        Change::Replace(LOOPBACK, "    iifname \"lo\" accept drop\n"),
        "not-understood: `drop` is after the verdict, and nft refuses it",
        "nodes/tokyo/nftables.conf:58",
    ),
    broken(
        "priority of another hook",
        Change::Replace("hook input priority filter - 5", "hook input priority srcnat"),
        "not-understood: `srcnat` is not a priority of the hook input",
        "nodes/tokyo/nftables.conf:57",
    ),
    broken(
        "merging a set of single elements",
        Change::Replace(
            "10.66.66.1, 10.66.66.2, 10.66.66.3, 10.66.66.4 }\n",
            "10.66.66.1 }\n    auto-merge\n",
        ),
        "not-understood: nft refuses `auto-merge` without `flags interval`",
        "nodes/tokyo/nftables.conf:14",
    ),
    broken(
        "long name",
        Change::Replace(LOOPBACK, "    iifname \"abcdefghijklmnop\" accept\n"),
        "not-understood: nft refuses \"abcdefghijklmnop\" as the name of an interface",
        "nodes/tokyo/nftables.conf:58",
    ),
    broken(
        "two protocols",
        Change::Replace("udp dport 51820 accept", "udp dport 51820 tcp dport 22 accept"),
        "not-understood: nft refuses a field of another protocol than the rule names before",
        "nodes/tokyo/nftables.conf:70",
    ),
    broken(
        "reject at postrouting",
        Change::Replace(
            "counter drop comment \"private address in clear\"",
            "counter reject comment \"private address in clear\"",
        ),
        "not-understood: nft refuses `reject` at postrouting",
        "nodes/tokyo/nftables.conf:127",
    ),
    broken(
        "limited port",
        Change::Replace("udp dport 51820 accept", "udp dport 51820 limit rate 5/second accept"),
        "firewall-drops: the firewall of tokyo drops packets to WireGuard's port 51820",
        "nodes/tokyo/nftables.conf:57",
    ),
    broken(
        "limited opening",
        Change::Replace(
            "    udp dport 51820 accept",
            "    tcp dport 25 limit rate 1/hour accept\n    udp dport 51820 accept",
        ),
        "public-side-open: the public side is open to tcp 25 from anywhere over IPv4",
        "nodes/tokyo/nftables.conf:70",
    ),
    broken(
        "goto that never comes back",
        Change::Replace("udp dport 51820 accept", "udp dport 51820 goto client_input"),
        "firewall-drops: the firewall of tokyo drops packets to WireGuard's port 51820",
        "nodes/tokyo/nftables.conf:89",
    ),
];

const fn harmless(name: &'static str, with: &'static str) -> Harmless {
    let change = Change::Replace(LOOPBACK, with);
    Harmless { name, topology: EXAMPLE, file: FIREWALL, change }
}

pub(super) const HARMLESS: &[Harmless] = &[
    harmless("invalid", "    iifname \"lo\" accept\n    ct state invalid drop\n"),
    harmless("invalid first", "    ct state { invalid } counter drop\n    iifname \"lo\" accept\n"),
    harmless(
        "braces",
        "    iifname { \"lo\" } accept; ct state { established, related, } accept # known\n",
    ),
    harmless(
        "log",
        "    iifname \"lo\" accept\n    limit rate 5/minute burst 3 packets log prefix \"in: \" level info\n",
    ),
    harmless(
        "reject",
        "    iifname \"lo\" accept\n    tcp dport 113 ip daddr != 10.0.0.0/8 reject with tcp reset\n",
    ),
    harmless(
        "goto",
        "    iifname \"lo\" accept\n    ip saddr @clients iifname \"wg0\" ct state related goto client_input\n",
    ),
    harmless("counters", "    iif lo counter packets 0 bytes 0 accept comment \"lo\"\n"),
    harmless("continued", "    iifname \\\n      \"lo\" accept\n"),
    harmless(
        "sets",
        "    iifname lo accept\n    meta l4proto { tcp, udp } th dport {\n      135,\n      137-139,\n    } ip saddr != { 10.0.0.0/8, 192.168.0.1-192.168.0.9 } drop\n",
    ),
];
