//! The packets of every class: WireGuard's own, every protocol and port, every hook, and the whole
//! Internet.

use super::{Broken, Change, EXAMPLE, Harmless};

pub(super) const HOMES: &str = "examples/relay-and-site/topology.toml";
pub(super) const SERVERS: &str = "examples/server-and-lan/topology.toml";
const TOKYO: &str = "nodes/tokyo/nftables.conf";
const HOME: &str = "nodes/home/nftables.conf";

/// A chain before the table's first one.
macro_rules! chain {
    ($hook:literal, $rule:literal) => {
        Change::Replace(
            "  # This chain comes before",
            concat!(
                "  chain added {\n    type filter hook ",
                $hook,
                "; policy accept;\n    ",
                $rule,
                "\n  }\n\n  # This chain comes before"
            ),
        )
    };
}

/// A rule before the first one of the chain `input`.
macro_rules! at_input {
    ($rule:literal) => {
        Change::Replace(
            "    iifname \"lo\" accept\n",
            concat!("    ", $rule, "\n    iifname \"lo\" accept\n"),
        )
    };
}

/// A rule before the first one of the chain `forward`.
macro_rules! at_forward {
    ($rule:literal) => {
        Change::Replace(
            "    # Clouds answer their hosts",
            concat!("    ", $rule, "\n    # Clouds answer their hosts"),
        )
    };
}

const fn broken(
    name: &'static str,
    file: &'static str,
    change: Change,
    cause: &'static str,
    place: &'static str,
) -> Broken {
    Broken { name, topology: EXAMPLE, file, change, cause, place }
}

const fn harmless(name: &'static str, file: &'static str, change: Change) -> Harmless {
    Harmless { name, topology: EXAMPLE, file, change }
}

const fn broken_servers(
    name: &'static str,
    file: &'static str,
    change: Change,
    cause: &'static str,
    place: &'static str,
) -> Broken {
    Broken { name, topology: SERVERS, file, change, cause, place }
}

pub(super) const BROKEN: &[Broken] = &[
    broken_servers(
        "server-closed-to-pods",
        "nodes/oslo/nftables.conf",
        Change::Replace(
            "iifname \"cali*\" ip daddr @clients ip daddr != @servers",
            "iifname \"cali*\" ip daddr @clients",
        ),
        "firewall-drops: the firewall of oslo drops TCP to port 22 from 10.244.2.0 to 10.66.66.202 at forward",
        "nodes/oslo/nftables.conf:110",
    ),
    broken_servers(
        "server-that-accepts-one-node-less",
        "clients/storage/wg0.conf",
        Change::Replace("AllowedIPs = 10.66.66.3/32", "AllowedIPs = 10.66.66.9/32"),
        "source-refused: storage drops what home sends from 10.66.66.3: the AllowedIPs of that peer do not contain it",
        "clients/storage/wg0.conf:35",
    ),
    broken_servers(
        "server-that-reaches-nodes-unasked",
        "nodes/oslo/nftables.conf",
        Change::Replace(
            "ip saddr @clients_to_nodes ip daddr @nodes tcp",
            "ip saddr @clients ip daddr @nodes tcp",
        ),
        "reach-exceeded: storage reaches oslo by client-ssh, but its `reach` does not allow it",
        "nodes/oslo/nftables.conf:93",
    ),
    broken_servers(
        "server-that-listens-on-another-port",
        "clients/storage/wg0.conf",
        Change::Replace("ListenPort = 51999", "ListenPort = 51998"),
        "peer-unreachable: storage listens on 51998, and no node calls it there",
        "clients/storage/wg0.conf:6",
    ),
    broken_servers(
        "server-without-an-mtu",
        "clients/storage/wg0.conf",
        Change::Replace("MTU = 1412\n", ""),
        "packet-too-large: storage answers with packets of 1420 bytes, and the MTU of the mesh is 1412",
        "clients/storage/wg0.conf",
    ),
    broken_servers(
        "server-without-a-port",
        "clients/storage/wg0.conf",
        Change::Replace("ListenPort = 51999\n", ""),
        "peer-unreachable: storage has no ListenPort: the kernel chooses any port",
        "clients/storage/wg0.conf",
    ),
    broken_servers(
        "server-whose-reach-is-another-one-on-one-node",
        "nodes/oslo/node.json",
        Change::Replace("\"nodes\",\n          \"pods\"", "\"nodes\""),
        "files-disagree: the reach of metrics differs from that in nodes/attic/node.json:70",
        "nodes/oslo/node.json:72",
    ),
    broken_servers(
        "server-whose-endpoint-is-another-one-on-one-node",
        "nodes/oslo/node.json",
        Change::Replace("203.0.113.50:51999", "203.0.113.51:51999"),
        "files-disagree: the endpoint of storage differs from that in nodes/attic/node.json:60",
        "nodes/oslo/node.json:62",
    ),
    broken(
        "metadata-of-another-port",
        HOME,
        Change::Replace("udp dport != { 53, 123 }", "udp dport != { 54, 123 }"),
        "firewall-drops: the firewall of home drops UDP to port 53 from 10.244.4.0 to 100.100.100.200 at forward",
        "nodes/home/nftables.conf:97",
    ),
    broken(
        "metadata-of-sctp",
        HOME,
        Change::Replace("meta l4proto != { tcp, udp }", "meta l4proto icmp"),
        "firewall-admits: pod-metadata from home to home is not blocked",
        "nodes/home/nftables.conf:107",
    ),
    broken(
        "late-keepalives",
        "nodes/home/wg0.conf",
        Change::Replace("PersistentKeepalive = 25", "PersistentKeepalive = 250"),
        "keepalive-missing: 250 s between keepalives: a NAT may close its mapping after 120 s",
        "nodes/home/wg0.conf:20",
    ),
    broken(
        "late-keepalives-of-nixos",
        "nodes/home/node.json",
        Change::Replace("\"persistent_keepalive\": 25", "\"persistent_keepalive\": 250"),
        "keepalive-missing: 250 s between keepalives: a NAT may close its mapping after 120 s",
        "nodes/home/node.json:26",
    ),
    broken(
        "pods-of-nine-bytes",
        "cluster/calico/installation.yaml",
        Change::Replace("mtu: 1412", "mtu: 9"),
        "packet-too-large: an MTU of 9 bytes: each host of IPv4 must be able to send 576",
        "cluster/calico/installation.yaml:16",
    ),
    broken(
        "client-of-nine-bytes",
        "clients/laptop/wg0.conf",
        Change::Replace("MTU = 1412", "MTU = 9"),
        "packet-too-large: an MTU of 9 bytes: each host of IPv4 must be able to send 576",
        "clients/laptop/wg0.conf:6",
    ),
    broken(
        "outer-prerouting",
        TOKYO,
        chain!("prerouting priority raw", "udp dport 51820 drop"),
        "firewall-drops: the firewall of tokyo drops UDP to port 51820 from a public address to a public address at prerouting",
        "nodes/tokyo/nftables.conf:57",
    ),
    broken(
        "outer-output",
        TOKYO,
        chain!("output priority filter", "udp dport 51820 drop"),
        "firewall-drops: the firewall of tokyo drops packets to WireGuard's port 51820",
        "nodes/tokyo/nftables.conf:57",
    ),
    broken(
        "outer-postrouting",
        HOME,
        chain!("postrouting priority mangle", "ip daddr 198.51.100.20 drop"),
        "firewall-drops: the firewall of home drops UDP to port 7844 from 10.244.4.0 to 198.51.100.20 at postrouting",
        "nodes/home/nftables.conf:57",
    ),
    broken(
        "outer-answers",
        HOME,
        chain!("prerouting priority mangle", "udp sport 51820 drop"),
        "firewall-drops: the firewall of home drops UDP to port 7844 from 10.244.4.0 to a public address at prerouting",
        "nodes/home/nftables.conf:57",
    ),
    broken(
        "outer-from-some",
        TOKYO,
        at_input!("ip saddr 203.0.112.0/20 udp dport 51820 drop"),
        "firewall-drops: the firewall of tokyo drops packets to WireGuard's port 51820",
        "nodes/tokyo/nftables.conf:58",
    ),
    broken(
        "outer-guard",
        "host/guards.routes",
        Change::Replace(
            "route replace",
            "route replace unreachable 198.51.100.0/24 proto static metric 4294967295\nroute replace",
        ),
        "no-route: the only route of frankfurt to 198.51.100.0 is the route guard (unreachable)",
        "host/guards.routes:3",
    ),
    broken(
        "outer-into-mesh",
        "nodes/home/wg0.routes",
        Change::Replace(
            "route replace",
            "route replace 198.51.100.20/32 dev wg0 proto kernel metric 512\nroute replace",
        ),
        "no-peer-for-address: no peer of home has 198.51.100.20 in its AllowedIPs: WireGuard drops it",
        "nodes/home/wg0.conf",
    ),
    broken(
        "outer-client-into-mesh",
        "clients/laptop/wg0.conf",
        Change::Replace("AllowedIPs = ", "AllowedIPs = 203.0.113.0/24, "),
        "routing-loop: a route of laptop leads to the endpoint 203.0.113.10:51820 into the mesh: WireGuard would send to itself",
        "clients/laptop/wg0.conf:16",
    ),
    broken(
        "own-host-open-to-pods",
        TOKYO,
        Change::Replace(
            "    iifname \"cali*\" jump from_pod\n    iifname \"wg0\" ip saddr",
            "    iifname \"cali*\" accept\n    iifname \"wg0\" ip saddr",
        ),
        "firewall-admits: pod-ssh from tokyo to tokyo is not blocked",
        "nodes/tokyo/nftables.conf:61",
    ),
    broken(
        "one-port-open-to-pods",
        TOKYO,
        Change::Replace(
            "    udp dport 53 accept\n",
            "    udp dport 53 accept\n    tcp dport 8123 accept\n",
        ),
        "firewall-admits: tokyo is open to pods beyond the API, kubelet, DNS, NodePorts and `pod_ports`: tcp 8123 from 10.244.0.0/16",
        "nodes/tokyo/nftables.conf:136",
    ),
    broken(
        "pod-ports-only-in-the-plan",
        "nodes/tokyo/node.json",
        Change::Replace("\"pod_ports\": []", "\"pod_ports\": [\"9100/tcp\"]"),
        "firewall-drops: tokyo does not accept from pods: tcp 9100 from 10.244.0.0/16",
        "nodes/tokyo/nftables.conf:138",
    ),
    broken(
        "ssh-open-to-nodes",
        TOKYO,
        Change::Replace("    iifname \"wg0\" ct state new tcp dport 22 counter drop", "    # "),
        "firewall-admits: node-ssh from frankfurt to tokyo is not blocked",
        "nodes/tokyo/nftables.conf:66",
    ),
    broken(
        "ssh-at-prerouting",
        TOKYO,
        chain!("prerouting priority mangle", "tcp dport 22 ct state new drop"),
        "public-side-closed: the public side does not accept tcp 22 from 0.0.0.0/0",
        "nodes/tokyo/nftables.conf:57",
    ),
    broken(
        "ssh-before-conntrack",
        TOKYO,
        chain!("prerouting priority raw", "iifname != \"lo\" tcp dport 22 ct state invalid drop"),
        "public-side-closed: the public side does not accept tcp 22 from 0.0.0.0/0",
        "nodes/tokyo/nftables.conf:57",
    ),
    broken(
        "everything-before-conntrack",
        TOKYO,
        chain!("prerouting priority raw", "ct state invalid drop"),
        "firewall-drops: the firewall of tokyo drops UDP to port 7844 from 10.244.2.0 to a public address at prerouting",
        "nodes/tokyo/nftables.conf:57",
    ),
    broken(
        "pod-dns",
        TOKYO,
        at_forward!("udp dport 53 drop"),
        "firewall-drops: the firewall of tokyo drops UDP to port 53 from 10.66.66.1 to 10.244.2.0 at forward",
        "nodes/tokyo/nftables.conf:95",
    ),
    broken(
        "pod-sctp",
        TOKYO,
        at_forward!("meta l4proto != { tcp, udp, icmp } drop"),
        "firewall-drops: the firewall of tokyo drops SCTP to port 8080 from 10.66.66.1 to 10.244.2.0 at forward",
        "nodes/tokyo/nftables.conf:95",
    ),
    broken(
        "pod-high-port",
        TOKYO,
        at_forward!("tcp dport 5473 drop"),
        "firewall-drops: the firewall of tokyo drops TCP to port 5473 from 10.66.66.1 to 10.244.2.0 at forward",
        "nodes/tokyo/nftables.conf:95",
    ),
    broken(
        "pod-source-port",
        TOKYO,
        at_forward!("udp sport 33000-34000 drop"),
        "firewall-drops: the firewall of tokyo drops UDP to port 7844 from 10.244.2.0 to a public address at forward",
        "nodes/tokyo/nftables.conf:95",
    ),
    broken(
        "pod-ping",
        TOKYO,
        at_forward!("icmp type echo-request drop"),
        "firewall-drops: the firewall of tokyo drops an ICMP echo request from 10.244.3.0 to 10.244.2.0 at forward",
        "nodes/tokyo/nftables.conf:95",
    ),
    broken(
        "pod-errors",
        TOKYO,
        at_forward!("icmp type destination-unreachable drop"),
        "firewall-drops: the firewall of tokyo drops an ICMP error (destination unreachable) from a public address to 10.244.2.0 at forward",
        "nodes/tokyo/nftables.conf:95",
    ),
    broken(
        "pod-prerouting",
        TOKYO,
        chain!("prerouting priority mangle", "iifname \"cali*\" udp dport 53 drop"),
        "firewall-drops: the firewall of tokyo drops UDP to port 53 from 10.244.2.0 to 10.244.3.0 at prerouting",
        "nodes/tokyo/nftables.conf:57",
    ),
    broken(
        "typha",
        TOKYO,
        at_input!("tcp dport 5473 drop"),
        "firewall-drops: the firewall of tokyo drops TCP to port 5473 from 10.66.66.3 to 10.66.66.2 at input",
        "nodes/tokyo/nftables.conf:58",
    ),
    broken(
        "etcd-peer",
        "nodes/hongkong/nftables.conf",
        at_input!("ip saddr @nodes tcp dport 2380 drop"),
        "firewall-drops: the firewall of hongkong drops TCP to port 2380 from 10.66.66.3 to 10.66.66.1 at input",
        "nodes/hongkong/nftables.conf:58",
    ),
    broken(
        "operator-webhook",
        TOKYO,
        at_input!("iifname \"cali*\" tcp dport 5443 drop"),
        "firewall-drops: the firewall of tokyo drops TCP to port 5443 from 10.244.2.0 to 10.96.0.0 at input",
        "nodes/tokyo/nftables.conf:58",
    ),
    broken(
        "kubelet-output",
        TOKYO,
        chain!("output priority filter", "oifname \"wg0\" tcp sport 10250 drop"),
        "firewall-drops: the firewall of tokyo drops the answer of TCP port 10250 from 10.66.66.2 to 10.66.66.3 at output",
        "nodes/tokyo/nftables.conf:57",
    ),
    broken(
        "forward-without-related",
        TOKYO,
        Change::Replace(
            "    ct state established,related accept\n    counter comment \"not forwarded\"",
            "    ct state established accept\n    counter comment \"not forwarded\"",
        ),
        "firewall-drops: the firewall of tokyo drops an ICMP error (destination unreachable) from a public address to 10.244.2.0 at forward",
        "nodes/tokyo/nftables.conf:94",
    ),
    broken(
        "internet-address",
        TOKYO,
        at_forward!("ip daddr 8.8.8.0/24 drop"),
        "firewall-drops: the firewall of tokyo drops UDP to port 7844 from 10.244.2.0 to 8.8.8.0 at forward",
        "nodes/tokyo/nftables.conf:95",
    ),
    broken(
        "internet-source",
        TOKYO,
        at_input!("ip saddr 9.9.9.9 drop"),
        "firewall-drops: the firewall of tokyo drops packets to WireGuard's port 51820",
        "nodes/tokyo/nftables.conf:58",
    ),
    broken(
        "internet-output",
        TOKYO,
        chain!("output priority filter", "ip daddr 192.88.99.0/24 udp dport 123 drop"),
        "firewall-drops: the firewall of tokyo drops packets to WireGuard's port 51820",
        "nodes/tokyo/nftables.conf:57",
    ),
    broken(
        "internet-route",
        "host/guards.routes",
        Change::Replace(
            "route replace",
            "route replace unreachable 8.0.0.0/8 proto static metric 4294967295\nroute replace",
        ),
        "no-route: the only route of frankfurt to 8.0.0.0 is the route guard (unreachable)",
        "host/guards.routes:3",
    ),
    broken(
        "etcd-in-part",
        TOKYO,
        Change::Replace(
            "    udp dport 53 accept\n    meta",
            "    udp dport 53 accept\n    tcp sport 40000-65535 tcp dport 2379 accept\n    meta",
        ),
        "firewall-admits: pod-etcd from tokyo to tokyo is not blocked",
        "nodes/tokyo/nftables.conf:136",
    ),
    broken(
        "service-dns",
        TOKYO,
        at_input!("iifname \"cali*\" ip daddr 10.96.0.10 udp dport 53 drop"),
        "firewall-drops: the firewall of tokyo drops UDP to port 53 from 10.244.2.0 to 10.96.0.10 at input",
        "nodes/tokyo/nftables.conf:58",
    ),
    broken(
        "service-dns-at-prerouting",
        TOKYO,
        chain!("prerouting priority mangle", "ip daddr 10.96.0.10 meta l4proto udp drop"),
        "firewall-drops: the firewall of tokyo drops UDP to port 80 from 10.244.2.0 to 10.96.0.10 at prerouting",
        "nodes/tokyo/nftables.conf:57",
    ),
    broken(
        "service-api-at-output",
        TOKYO,
        chain!("output priority raw", "ip daddr 10.96.0.1 tcp dport 443 drop"),
        "firewall-drops: the firewall of tokyo drops TCP to port 443 from a public address to 10.96.0.1 at output",
        "nodes/tokyo/nftables.conf:57",
    ),
    broken(
        "service-answer",
        TOKYO,
        chain!("postrouting priority filter", "oifname \"cali*\" ip saddr 10.96.0.0/12 drop"),
        "firewall-drops: the firewall of tokyo drops the answer of TCP port 80 from 10.96.0.0 to 10.244.2.0 at postrouting",
        "nodes/tokyo/nftables.conf:57",
    ),
    broken(
        "node-port-of-another",
        TOKYO,
        at_forward!("iifname \"wg0\" ip saddr @nodes ct status dnat drop"),
        "firewall-drops: the firewall of tokyo drops TCP to port 8080 from 10.66.66.3 to 10.244.2.0 at forward",
        "nodes/tokyo/nftables.conf:95",
    ),
    broken(
        "pod-to-client",
        TOKYO,
        Change::Replace(
            "    ip saddr 10.244.0.0/16 ip daddr @clients ct state new counter drop comment \"pod to client\"\n    iifname \"cali*\" ip daddr @clients ct state new counter drop comment \"pod to client\"\n",
            "",
        ),
        "firewall-admits: pod-client from tokyo to laptop is not blocked",
        "nodes/tokyo/nftables.conf:105",
    ),
    Broken {
        // The phone's file has no peer paris, but paris has the phone's key.
        name: "pod-to-client-that-adds-a-peer",
        topology: HOMES,
        file: "nodes/paris/nftables.conf",
        change: Change::Replace(
            "    ip saddr 10.244.0.0/16 ip daddr @clients ct state new counter drop comment \"pod to client\"\n",
            "    iifname \"cali*\" ip daddr 10.66.66.201 accept\n",
        ),
        cause: "firewall-admits: pod-client from paris to phone is not blocked",
        place: "nodes/paris/nftables.conf:100",
    },
    broken(
        "pod-to-client-udp",
        TOKYO,
        at_forward!("iifname \"cali*\" ip daddr @clients udp dport 53 accept"),
        "firewall-admits: pod-client from tokyo to laptop is not blocked",
        "nodes/tokyo/nftables.conf:95",
    ),
    broken(
        "outer-errors-of-routers",
        TOKYO,
        at_input!("ip saddr 100.64.0.0/10 ct state related drop"),
        "firewall-drops: the firewall of tokyo drops ICMP errors about packets from WireGuard's port 51820",
        "nodes/tokyo/nftables.conf:58",
    ),
    broken(
        "outer-errors-ipv6",
        TOKYO,
        at_input!("icmpv6 type packet-too-big ct state related drop"),
        "firewall-drops: the firewall of tokyo drops ICMP errors about packets from WireGuard's port 51820",
        "nodes/tokyo/nftables.conf:58",
    ),
    broken(
        "client-default-route",
        "clients/laptop/wg0.conf",
        Change::Replace("10.96.0.0/12\n", "10.96.0.0/12, 0.0.0.0/0\n"),
        "not-understood: `0.0.0.0/0` replaces the default route, which is not understood",
        "clients/laptop/wg0.conf:16",
    ),
    broken(
        "inner-ipv6-address",
        "nodes/tokyo/wg0.conf",
        Change::Replace("Address = 10.66.66.2/24", "Address = fd00::2/64"),
        "not-understood: IPv6 inside the mesh is not understood: `fd00::2/64`",
        "nodes/tokyo/wg0.conf:5",
    ),
    broken(
        "inner-ipv6-allowed",
        "nodes/tokyo/wg0.conf",
        Change::Replace("AllowedIPs = 10.66.66.1/32", "AllowedIPs = fd00::1/128, 10.66.66.1/32"),
        "not-understood: IPv6 inside the mesh is not understood: `fd00::1/128`",
        "nodes/tokyo/wg0.conf:18",
    ),
    broken(
        "inner-ipv6-route",
        "nodes/tokyo/wg0.routes",
        Change::Replace(
            "route replace",
            "route replace fd00:1::/64 dev wg0 proto kernel metric 512\nroute replace",
        ),
        "not-understood: `route replace fd00:1::/64 dev wg0 proto kernel metric 512` is not understood",
        "nodes/tokyo/wg0.routes:3",
    ),
    broken(
        "netdev",
        TOKYO,
        chain!("ingress device \"eth0\" priority 0", "udp dport 51820 drop"),
        "not-understood: `ingress` is not a hook that is understood",
        "nodes/tokyo/nftables.conf:56",
    ),
];

pub(super) const HARMLESS: &[Harmless] = &[
    // The chains accept the errors by their type.
    harmless(
        "client-without-related",
        TOKYO,
        Change::Replace(
            "  chain client_forward {\n    ct state established,related",
            "  chain client_forward {\n    ct state established",
        ),
    ),
    // The chains accept the errors by their type.
    harmless(
        "input-without-related",
        TOKYO,
        Change::Replace(
            "    ct state established,related accept\n    udp dport",
            "    ct state established accept\n    udp dport",
        ),
    ),
    harmless("invalid-at-input", TOKYO, at_input!("ct state invalid drop")),
    harmless(
        "invalid-at-mangle",
        TOKYO,
        chain!("prerouting priority mangle", "ct state invalid drop"),
    ),
    harmless(
        "other-port-at-prerouting",
        TOKYO,
        chain!("prerouting priority raw", "iifname \"eth0\" tcp dport 5432 drop"),
    ),
    harmless("accept-at-output", TOKYO, chain!("output priority raw", "udp dport 51820 accept")),
    // netfilter and IPVS restore the source of an answer after this chain.
    harmless("service-at-forward", TOKYO, at_forward!("ip saddr 10.96.0.0/12 drop")),
    harmless(
        "private-out",
        TOKYO,
        chain!("postrouting priority filter", "oifname \"eth0\" ip daddr 10.0.0.0/8 drop"),
    ),
];
