//! Networks behind a node and behind a server: who reaches them, and that nothing comes from them.

use super::packets::SERVERS;
use super::{Broken, Change};

const fn broken(
    name: &'static str,
    file: &'static str,
    change: Change,
    cause: &'static str,
    place: &'static str,
) -> Broken {
    Broken { name, topology: SERVERS, file, change, cause, place }
}

const HOME: &str = "nodes/home/nftables.conf";
const OSLO: &str = "nodes/oslo/nftables.conf";
const STORAGE: &str = "clients/storage/wg0.conf";

pub(super) const BROKEN: &[Broken] = &[
    broken(
        "network-not-masqueraded",
        HOME,
        Change::Replace(" counter masquerade", " counter accept"),
        "network-not-forwarded: home sends packets from 10.66.66.1 to the network lan, whose machines have no route to this address: answers cannot return",
        "nodes/home/nftables.conf",
    ),
    broken(
        "network-masqueraded-for-one-port",
        HOME,
        Change::Replace("} counter masquerade", "} tcp dport 445 counter masquerade"),
        "network-not-forwarded: home sends packets from 10.66.66.1 to the network lan, whose machines have no route to this address: answers cannot return",
        "nodes/home/nftables.conf",
    ),
    broken(
        "network-without-a-route",
        "nodes/oslo/wg0.routes",
        Change::Replace("route replace 192.168.178.0/24", "# 192.168.178.0/24"),
        "files-disagree: a route to 192.168.178.0/24 is here, and not in nodes/oslo/wg0.routes",
        "nodes/oslo/node.json:90",
    ),
    broken(
        "network-behind-no-peer",
        "nodes/oslo/wg0.conf",
        Change::Replace(", 192.168.178.0/24", ""),
        "files-disagree: the AllowedIPs of home are 10.66.66.3/32, 10.244.3.0/24, 192.168.178.0/24 here, and 10.66.66.3/32, 10.244.3.0/24 in nodes/oslo/wg0.conf:25",
        "nodes/oslo/node.json:32",
    ),
    broken(
        "network-in-clear",
        OSLO,
        Change::Replace(
            "ip daddr { 10.20.30.0/24, 10.20.31.0/24, 192.168.178.0/24 } counter drop",
            "ip daddr { 10.20.30.0/24, 10.20.31.0/24 } counter drop",
        ),
        "guard-missing: no chain at postrouting drops packets for 192.168.178.0/24 that would leave unencrypted",
        "nodes/oslo/nftables.conf:135",
    ),
    broken(
        "network-that-opens-connections",
        HOME,
        Change::Replace(
            "    iifname \"cali*\" accept\n    ct state",
            "    iifname \"cali*\" accept\n    ip saddr 192.168.178.0/24 accept\n    ct state",
        ),
        "public-side-open: the host forwards from its public side: several protocols from 192.168.178.0/24",
        "nodes/home/nftables.conf:122",
    ),
    broken(
        "network-closed-to-pods-is-open",
        OSLO,
        Change::Replace("ip daddr { 10.20.31.0/24 } ct state new counter drop", "counter"),
        "firewall-admits: pod-network-closed from oslo to storage is not blocked",
        "nodes/oslo/nftables.conf:117",
    ),
    broken(
        "network-beside-another-one",
        HOME,
        Change::Replace(
            "192.168.178.0/24 } counter drop comment \"other",
            "192.168.0.0/16 } counter drop comment \"other",
        ),
        "firewall-admits: home forwards from the mesh what no network behind it has: several protocols from anywhere over IPv4",
        "nodes/home/nftables.conf:120",
    ),
    broken(
        "network-that-leads-pods-to-etcd",
        HOME,
        Change::Replace(
            "    iifname \"wg0\" ip daddr { 192.168.178.0/24 } tcp dport { 179, 2379, 2380 }",
            "    iifname \"wg0\" ip daddr { 192.168.178.0/24 } tcp dport { 179, 2380 }",
        ),
        "firewall-admits: pods reach BGP or etcd of home at its address in the network behind it: tcp 2379 from anywhere over IPv4",
        "nodes/home/nftables.conf:99",
    ),
    broken(
        "network-open-to-every-client",
        "nodes/berlin/nftables.conf",
        Change::Replace("ip saddr @clients_to_networks", "ip saddr @clients"),
        "reach-exceeded: berlin accepts packets from the client metrics that its `reach` does not allow: several protocols from 10.66.66.202",
        "nodes/berlin/nftables.conf:129",
    ),
    broken(
        "network-that-one-node-states-otherwise",
        "nodes/oslo/node.json",
        Change::Replace("\"via\": \"home\"", "\"via\": \"attic\""),
        "files-disagree: the networks differ from those in nodes/attic/node.json",
        "nodes/oslo/node.json:115",
    ),
    broken(
        "server-that-does-not-masquerade",
        STORAGE,
        Change::Replace("counter masquerade", "accept"),
        "network-not-forwarded: storage sends packets from 10.66.66.4 to the network tapes, whose machines have no route to this address: answers cannot return",
        "clients/storage/wg0.conf",
    ),
    broken(
        "server-that-does-not-forward",
        STORAGE,
        Change::Replace("PostUp = sysctl -q -w net.ipv4.ip_forward=1\n", ""),
        "not-understood: the host forwards packets, and no command sets net.ipv4.ip_forward",
        "clients/storage/wg0.conf:15",
    ),
    broken(
        "server-whose-network-opens-connections",
        STORAGE,
        Change::Replace("oifname \"%i\" counter drop", "oifname \"%i\" counter accept"),
        "firewall-admits: network-node from storage to attic is not blocked",
        "clients/storage/wg0.conf:16",
    ),
    broken(
        "server-that-forwards-to-every-network",
        STORAGE,
        Change::Replace("iifname \"%i\" counter drop", "iifname \"%i\" counter accept"),
        "firewall-admits: storage forwards from the mesh what no network behind it has: every protocol from anywhere over IPv4",
        "clients/storage/wg0.conf:16",
    ),
];
