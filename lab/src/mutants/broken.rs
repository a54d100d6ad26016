//! The broken trees: each has one fault.

use super::{EXAMPLE, FAMILIES, HOMES, Mutant, SERVERS};

/// All broken trees.
pub const ALL: &[Mutant] = &[
    Mutant {
        name: "pod-block-not-in-allowed-ips",
        topology: EXAMPLE,
        breaks: |tree| tree.edit("tokyo/wg0.conf", ", 10.244.1.0/24", ""),
        caught_by: "pod-pairs",
        reason: "pod-tokyo to pod-hongkong",
    },
    Mutant {
        name: "mtu-too-large",
        topology: EXAMPLE,
        breaks: |tree| {
            tree.edit("/wg0.conf", "MTU = 1412", "MTU = 1500")?;
            tree.edit("installation.yaml", "mtu: 1412", "mtu: 1500")?;
            tree.edit("/nftables.conf", "destination-unreachable, ", "")
        },
        caught_by: "full-size-packets",
        reason: "1500 bytes from pod-hongkong to pod-home",
    },
    Mutant {
        name: "mtu-too-large-for-a-site",
        topology: HOMES,
        breaks: |tree| {
            tree.edit("/wg0.conf", "MTU = 1370", "MTU = 1412")?;
            tree.edit("installation.yaml", "mtu: 1370", "mtu: 1412")
        },
        caught_by: "full-size-packets",
        reason: "1412 bytes from pod-vienna to pod-mill",
    },
    Mutant {
        name: "table-auto",
        topology: EXAMPLE,
        breaks: |tree| tree.edit("tokyo/wg0.conf", "Table = off\n", ""),
        caught_by: "bgp-routes",
        reason: "tokyo: 10.244.1.0/24 dev wg0 scope link",
    },
    Mutant {
        name: "wrong-key",
        topology: EXAMPLE,
        breaks: |tree| tree.secrets.replace_private_key("tokyo"),
        caught_by: "node-pairs",
        reason: "hongkong to tokyo",
    },
    Mutant {
        name: "ipv6-only-node-calls-ipv4",
        topology: FAMILIES,
        breaks: |tree| {
            let (v4, v6) = ("203.0.113.1:51820", "[2001:db8:1::1]:51820");
            tree.edit("helsinki/wg0.conf", v6, v4)?;
            tree.edit("helsinki/node.json", v6, v4)?;
            tree.edit("nuremberg/wg0.conf", "Endpoint = [2001:db8:2::2]:51820\n", "")
        },
        caught_by: "node-pairs",
        reason: "nuremberg to helsinki",
    },
    Mutant {
        name: "swapped-preshared-key",
        topology: HOMES,
        breaks: |tree| tree.edit("nodes/vienna/wg0.conf", "wg0.psk/attic", "wg0.psk/mill"),
        caught_by: "node-pairs",
        reason: "vienna to attic",
    },
    Mutant {
        name: "wg0-not-accepted-in-input",
        topology: EXAMPLE,
        breaks: |tree| {
            tree.drop_line_after("tokyo/nftables.conf", INPUT, "iifname \"wg0\" accept\n")
        },
        caught_by: "node-pairs",
        reason: "hongkong to tokyo",
    },
    Mutant {
        name: "wg0-not-accepted-in-forward",
        topology: EXAMPLE,
        breaks: |tree| tree.drop_line_after("/nftables.conf", FORWARD, "iifname \"wg0\" accept\n"),
        caught_by: "pod-pairs",
        reason: "pod-hongkong to pod-tokyo",
    },
    Mutant {
        name: "cali-not-accepted-in-input",
        topology: EXAMPLE,
        breaks: |tree| {
            tree.drop_line_after("/nftables.conf", INPUT, "iifname \"cali*\" jump from_pod\n")
        },
        caught_by: "pods-reach-nodes",
        reason: "example-tokyo-pod to 10.66.66.2 port 6443",
    },
    Mutant {
        name: "cali-not-accepted-in-forward",
        topology: EXAMPLE,
        breaks: |tree| {
            tree.drop_line_after("/nftables.conf", FORWARD, "iifname \"cali*\" accept\n")
        },
        caught_by: "pod-pairs",
        reason: "pod-tokyo to pod-hongkong",
    },
    Mutant {
        name: "table-ip-instead-of-inet",
        topology: EXAMPLE,
        breaks: |tree| {
            tree.edit("/nftables.conf", "table inet", "table ip")?;
            tree.drop_lines("/nftables.conf", "    ip6 saddr")?;
            tree.drop_lines("/nftables.conf", "    icmpv6")
        },
        caught_by: "public-tcp-ports-closed",
        reason: "2001:db8::1:1 answers on {1, 2, 3,",
    },
    Mutant {
        name: "input-policy-accept",
        topology: EXAMPLE,
        breaks: |tree| {
            let (from, to) = ("hook input priority filter - 5; policy drop", "policy accept");
            tree.edit("/nftables.conf", from, &format!("hook input priority filter - 5; {to}"))
        },
        caught_by: "public-udp-ports-closed",
        reason: "became",
    },
    Mutant {
        name: "accept-by-output-interface",
        topology: EXAMPLE,
        breaks: |tree| {
            let (from, to) = ("iifname \"cali*\" accept\n    ct state", "accept\n    ct state");
            tree.edit("/nftables.conf", from, &format!("oifname {{ \"wg0\", \"cali*\" }} {to}"))
        },
        caught_by: "public-tcp-ports-closed",
        reason: "30080",
    },
    Mutant {
        name: "private-addresses-accepted-from-outside",
        topology: EXAMPLE,
        breaks: |tree| tree.drop_lines("/nftables.conf", "private address from outside"),
        caught_by: "private-addresses-closed-from-outside",
        reason: "answer through hongkong",
    },
    Mutant {
        name: "metadata-not-dropped",
        topology: EXAMPLE,
        breaks: |tree| tree.drop_lines("/nftables.conf", "\"service for hosts\""),
        caught_by: "metadata-closed-to-pods",
        reason: "pod-tokyo reached [100.100.100.200:80, 168.63.129.16:80, 169.254.0.23:80",
    },
    Mutant {
        name: "one-metadata-address-dropped",
        topology: EXAMPLE,
        breaks: |tree| tree.edit("/nftables.conf", ", 169.254.0.0/16 }", ", 169.254.169.254 }"),
        caught_by: "metadata-closed-to-pods",
        reason: "pod-tokyo reached [169.254.0.23:80, 169.254.42.42:80]",
    },
    Mutant {
        name: "resolver-closed-to-pods",
        topology: EXAMPLE,
        breaks: |tree| tree.edit("/nftables.conf", "udp dport != { 53, 123 }", "udp dport != 123"),
        caught_by: "metadata-closed-to-pods",
        reason: "to 100.100.100.200 UDP port 53",
    },
    Mutant {
        name: "own-host-open-to-pods",
        topology: EXAMPLE,
        breaks: |tree| {
            let jump = "    iifname \"cali*\" jump from_pod\n    iifname \"wg0\" ip saddr";
            let accept = "    iifname \"cali*\" accept\n    iifname \"wg0\" ip saddr";
            tree.edit("/nftables.conf", jump, accept)
        },
        caught_by: "hosts-closed-to-pods",
        reason: "pod-hongkong reached",
    },
    Mutant {
        name: "other-hosts-open-to-pods",
        topology: EXAMPLE,
        breaks: |tree| {
            tree.drop_lines("/nftables.conf", "ip daddr @nodes jump from_pod")?;
            tree.drop_lines("/nftables.conf", "ip saddr 10.244.0.0/16 jump from_pod")
        },
        caught_by: "hosts-closed-to-pods",
        reason: "pod-hongkong reached",
    },
    Mutant {
        name: "kubelet-closed-to-pods",
        topology: EXAMPLE,
        breaks: |tree| tree.edit("/nftables.conf", "{ 53, 6443, 10250 }", "{ 53, 6443 }"),
        caught_by: "pods-reach-nodes",
        reason: "port 10250",
    },
    Mutant {
        name: "node-ports-closed-to-pods",
        topology: EXAMPLE,
        breaks: |tree| tree.drop_lines("/nftables.conf", "th dport 30000-32767"),
        caught_by: "node-ports-inside",
        reason: "30080",
    },
    Mutant {
        name: "ssh-open-to-nodes",
        topology: EXAMPLE,
        breaks: |tree| tree.drop_lines("/nftables.conf", "\"node to SSH\""),
        caught_by: "ssh-closed-to-nodes",
        reason: "hongkong reached SSH of tokyo",
    },
    Mutant {
        name: "node-ports-open-to-clients",
        topology: EXAMPLE,
        breaks: |tree| tree.drop_lines("/nftables.conf", "\"client to NodePort\""),
        caught_by: "client-isolation",
        reason: ":30080",
    },
    Mutant {
        name: "node-subnet-instead-of-node-set",
        topology: HOMES,
        breaks: |tree| {
            let accept = "ip daddr @nodes accept";
            tree.edit("/nftables.conf", accept, "ip daddr 10.66.66.0/24 accept")
        },
        caught_by: "client-isolation",
        reason: "laptop reached phone",
    },
    Mutant {
        name: "client-trusted-as-node",
        topology: EXAMPLE,
        breaks: |tree| tree.drop_lines("/nftables.conf", "jump client_input"),
        caught_by: "client-isolation",
        reason: ":10250",
    },
    Mutant {
        name: "client-with-two-addresses",
        topology: EXAMPLE,
        breaks: |tree| {
            tree.edit("/wg0.conf", "AllowedIPs = 10.66.66.200/32", "AllowedIPs = 10.66.66.200/31")
        },
        caught_by: "client-second-address",
        reason: "laptop reached",
    },
    Mutant {
        name: "servers-closed-to-pods",
        topology: SERVERS,
        breaks: |tree| tree.edit("/nftables.conf", " ip daddr != @servers", ""),
        caught_by: "servers-open-to-pods",
        reason: "pod-berlin to storage",
    },
    Mutant {
        name: "server-accepts-one-node-less",
        topology: SERVERS,
        breaks: |tree| {
            tree.edit(
                "clients/storage/wg0.conf",
                "AllowedIPs = 10.66.66.3/32",
                "AllowedIPs = 10.66.66.9/32",
            )
        },
        caught_by: "servers-open-to-nodes",
        reason: "home to storage",
    },
    Mutant {
        name: "network-not-masqueraded",
        topology: SERVERS,
        breaks: |tree| tree.edit("home/nftables.conf", "counter masquerade", "counter accept"),
        caught_by: "networks-open-to-pods",
        reason: "pod-berlin to lan",
    },
    Mutant {
        name: "network-opens-connections",
        topology: SERVERS,
        breaks: |tree| {
            tree.edit(
                "home/nftables.conf",
                "    iifname \"cali*\" accept\n    ct state established,related accept\n    counter comment \"not",
                "    iifname \"eth0\" accept\n    iifname \"cali*\" accept\n    ct state established,related accept\n    counter comment \"not",
            )
        },
        caught_by: "networks-open-no-connection",
        reason: "lan reached",
    },
    Mutant {
        name: "network-closed-to-pods-is-open",
        topology: SERVERS,
        breaks: |tree| {
            tree.edit(
                "/nftables.conf",
                "ip daddr { 10.20.31.0/24 } ct state new counter drop",
                "counter",
            )
        },
        caught_by: "networks-open-to-pods",
        reason: "pod-berlin to management",
    },
    Mutant {
        name: "server-does-not-masquerade",
        topology: SERVERS,
        breaks: |tree| tree.edit("clients/storage/wg0.conf", "counter masquerade", "accept"),
        caught_by: "networks-open-to-nodes",
        reason: "berlin to tapes",
    },
    Mutant {
        name: "server-reaches-nodes-unasked",
        topology: SERVERS,
        breaks: |tree| {
            tree.edit("/nftables.conf", "    ip saddr @clients_to_nodes", "    ip saddr @clients")
        },
        caught_by: "client-isolation",
        reason: "storage reached",
    },
    Mutant {
        name: "clients-open-to-pods",
        topology: EXAMPLE,
        breaks: |tree| tree.drop_lines("/nftables.conf", "\"pod to client\""),
        caught_by: "clients-closed-to-pods",
        reason: "reached 10.66.66.200:8080",
    },
    Mutant {
        name: "udp-dropped-between-pods",
        topology: EXAMPLE,
        breaks: |tree| {
            let head = "type filter hook forward priority filter - 5; policy drop;\n";
            tree.edit("/nftables.conf", head, &format!("{head}    meta l4proto udp drop\n"))
        },
        caught_by: "udp-in-mesh",
        reason: "example-hongkong-pod to 10.244.2.0 UDP port 8080",
    },
    Mutant {
        name: "dns-service-dropped",
        topology: EXAMPLE,
        breaks: |tree| {
            let head = "type filter hook forward priority filter - 5; policy drop;\n";
            let rule = "    ct original ip daddr 10.96.0.10 udp dport 53 drop\n";
            tree.edit("/nftables.conf", head, &format!("{head}{rule}"))
        },
        caught_by: "cluster-dns",
        reason: "example-hongkong-pod to 10.96.0.10 UDP port 53",
    },
    Mutant {
        name: "no-ip-forward",
        topology: EXAMPLE,
        breaks: |tree| tree.drop_lines("host/sysctl.conf", "net.ipv4.ip_forward"),
        caught_by: "pod-pairs",
        reason: "pod-hongkong to pod-tokyo",
    },
    Mutant {
        name: "egress-guard-at-output",
        topology: EXAMPLE,
        breaks: |tree| {
            let (from, to) = ("hook postrouting priority srcnat + 10", "hook output priority -150");
            tree.edit("/nftables.conf", from, to)
        },
        caught_by: "cluster-ip-from-nodes",
        reason: "10.96.0.100",
    },
    Mutant {
        name: "no-egress-guard",
        topology: EXAMPLE,
        breaks: |tree| tree.drop_lines("/nftables.conf", "\"private address in clear\""),
        caught_by: "egress-guard",
        reason: "unencrypted",
    },
    Mutant {
        name: "no-guard-for-pod-subnet",
        topology: EXAMPLE,
        breaks: |tree| tree.drop_lines("guards.routes", "unreachable 10.244.0.0/16"),
        caught_by: "withdrawn-pod-route",
        reason: "still has a route",
    },
    Mutant {
        name: "no-guard-for-node-subnet",
        topology: EXAMPLE,
        breaks: |tree| tree.drop_lines("guards.routes", "unreachable 10.66.66.0/24"),
        caught_by: "wg0-down-no-leak",
        reason: "BIRD routes pod packets outside the mesh",
    },
    Mutant {
        name: "guard-proto-kernel",
        topology: EXAMPLE,
        breaks: |tree| tree.edit("guards.routes", "proto static", "proto kernel"),
        caught_by: "wg0-down-no-leak",
        reason: "BIRD routes pod packets outside the mesh",
    },
    Mutant {
        name: "no-static-pod-routes",
        topology: EXAMPLE,
        breaks: |tree| tree.drop_lines("/wg0.routes", "route replace"),
        caught_by: "pods-without-bird",
        reason: "pod-hongkong to pod-tokyo",
    },
    Mutant {
        name: "swapped-pools",
        topology: EXAMPLE,
        breaks: |tree| {
            tree.edit("installation.yaml", "== 'tokyo'", "== 'x'")?;
            tree.edit("installation.yaml", "== 'frankfurt'", "== 'tokyo'")?;
            tree.edit("installation.yaml", "== 'x'", "== 'frankfurt'")
        },
        caught_by: "pod-pairs",
        reason: "pod-hongkong to pod-tokyo",
    },
    Mutant {
        name: "no-keepalive",
        topology: EXAMPLE,
        breaks: |tree| tree.drop_lines("/wg0.conf", "PersistentKeepalive"),
        caught_by: "wg0-restart",
        reason: "pod-tokyo does not reach pod-hongkong",
    },
    Mutant {
        name: "two-relays-for-one-pair",
        topology: HOMES,
        breaks: |tree| {
            tree.edit("mill/wg0.conf", ", 10.66.66.3/32, 10.244.3.0/24", "")?;
            let vienna = "10.66.66.1/32, 10.244.1.0/24";
            tree.edit("mill/wg0.conf", vienna, &format!("{vienna}, 10.66.66.3/32, 10.244.3.0/24"))
        },
        caught_by: "relay-both-directions",
        reason: "attic to mill",
    },
    Mutant {
        name: "reload-without-key",
        topology: EXAMPLE,
        breaks: |tree| tree.drop_lines("host/meshwright-node", "PrivateKey"),
        caught_by: "node-removed-and-added",
        reason: "pod-hongkong to pod-home",
    },
    Mutant {
        name: "unit-flushes-all-rules",
        topology: EXAMPLE,
        breaks: |tree| {
            let file = "ExecReload=/usr/sbin/nft -f /etc/meshwright/nftables.conf";
            let path = "meshwright-firewall.service";
            tree.edit(path, file, "ExecReload=/usr/sbin/nft flush ruleset")
        },
        caught_by: "foreign-tables-untouched",
        reason: "kube-proxy",
    },
];

const INPUT: &str = "chain input {";
const FORWARD: &str = "chain forward {";
