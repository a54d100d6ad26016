//! Patterns of interfaces: a name that only one of two patterns matches is an interface of its own.

use super::{Broken, Change, EXAMPLE, Harmless};

const FIREWALL: &str = "nodes/tokyo/nftables.conf";

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
        "pods are not called cali0",
        Change::Replace("iifname \"cali*\" accept", "iifname \"cali0\" accept"),
        "firewall-drops: the firewall of tokyo drops UDP to port 7844 from 10.244.2.0 to a public address at forward",
        "nodes/tokyo/nftables.conf:94",
    ),
    broken(
        "one pod of sixteen",
        Change::Replace("iifname \"cali*\" accept", "iifname \"cali0*\" accept"),
        "firewall-drops: the firewall of tokyo drops UDP to port 7844 from 10.244.2.0 to a public address at forward",
        "nodes/tokyo/nftables.conf:94",
    ),
    broken(
        "wlan0 is not wg0",
        Change::Replace("iifname \"wg0\" accept", "iifname \"w*\" accept"),
        "public-side-open: the public side is open to icmp destination-unreachable,echo-request,time-exceeded,parameter-problem from anywhere over IPv4",
        "nodes/tokyo/nftables.conf:66",
    ),
    broken(
        "ens3 beside eth0",
        Change::Replace(
            "    iifname \"wg0\" accept\n    # Weak",
            "    iifname \"eth0\" jump client_input\n    iifname \"e*\" accept\n    iifname \"wg0\" accept\n    # Weak",
        ),
        "firewall-drops: the firewall of tokyo drops packets to WireGuard's port 51820",
        "nodes/tokyo/nftables.conf:91",
    ),
    broken(
        "a set with wlan0",
        Change::Replace("iifname \"lo\" accept", "iifname { \"lo\", \"wl*\" } accept"),
        "public-side-open: the public side is open to icmp destination-unreachable,echo-request,time-exceeded,parameter-problem from anywhere over IPv4",
        "nodes/tokyo/nftables.conf:58",
    ),
    broken(
        "all except eth0",
        Change::Replace("iifname \"lo\" accept", "iifname != \"eth0\" accept"),
        "public-side-open: the public side is open to icmp destination-unreachable,echo-request,time-exceeded,parameter-problem from anywhere over IPv4",
        "nodes/tokyo/nftables.conf:58",
    ),
    broken(
        "all except two leave",
        Change::Replace("oifname \"cali*\" accept", "oifname != { \"eth0\", \"ens3\" } accept"),
        "guard-missing: no chain at postrouting drops packets for 10.244.0.0/16 that would leave unencrypted",
        "nodes/tokyo/nftables.conf:126",
    ),
];

const fn harmless(name: &'static str, change: Change) -> Harmless {
    Harmless { name, topology: EXAMPLE, file: FIREWALL, change }
}

pub(super) const HARMLESS: &[Harmless] = &[
    harmless(
        "a set of one pattern",
        Change::Replace("iifname \"cali*\" accept", "iifname { \"cali*\" } accept"),
    ),
    harmless(
        "an interface that no pod has",
        Change::Replace("oifname \"cali*\" accept", "oifname { \"cali*\", \"cali0\" } accept"),
    ),
    harmless(
        "invalid packets of one interface",
        Change::Replace(
            "    ct state established,related accept\n    udp dport 51820",
            "    ct state established,related accept\n    iifname \"ens3\" ct state invalid drop\n    udp dport 51820",
        ),
    ),
    harmless(
        "names instead of a negation",
        Change::Replace(
            "    counter comment \"closed\"",
            "    iifname != { \"lo\", \"wg0\" } counter drop",
        ),
    ),
];
