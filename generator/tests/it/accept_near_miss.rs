//! What is next to a fault, and is none: each rule stops where it should.

use crate::testing::{compile_text, human};

/// Two public nodes, two behind NAT with a relay, a client. Comments mark where a case adds keys.
const TOPOLOGY: &str = r#"
[cluster]
name = "atlas"
kubernetes_version = "1.36.2"
#cluster

[network]
#network

[wireguard]
#wireguard

[kube_proxy]
mode = "nftables"

[calico]
#calico

[ingress]
controller = "traefik"
#ingress

#tunnel

[firewall]
ssh_from = ["203.0.113.0/24"]
#firewall

[control_plane]
#control_plane

[[nodes]]
name = "tokyo"
id = 1
role = "control-plane"
endpoint = "203.0.113.10"
public_key = "MMDEtiM7lrPEUqIH1mhN6cjk+1kxo5XLp4kE70Ntxgs="
#tokyo

[[nodes]]
name = "home"
id = 4
role = "worker"
public_key = "X0YDJOEJYbnSY5jk73R/V+zAjHXV3vR7PvC7SdE/BgU="
#home

[[nodes]]
name = "attic"
id = 5
role = "worker"
public_key = "AAAAJOEJYbnSY5jk73R/V+zAjHXV3vR7PvC7SdE/BgU="
#attic

[[clients]]
name = "laptop"
id = 200
public_key = "BBBBJOEJYbnSY5jk73R/V+zAjHXV3vR7PvC7SdE/BgU="
#laptop

[[sites]]
name = "office"
#office
"#;

/// Names of two zones, both with their own; one of the zones is under a country's category.
const TUNNEL: &str = r#"
[cloudflare_tunnel]
id = "6ff42ae2-765d-4adf-8112-31c55c1551ef"
hostnames = ["example.com", "www.example.com", "example.co.uk", "www.example.co.uk"]
"#;

/// A rule, and what is written under the marks.
type Case = (&'static str, &'static [(&'static str, &'static str)]);

const CASES: &[Case] = &[
    ("subnet-overlap", &[("#network", r#"pod_subnet = "10.112.0.0/16""#)]),
    ("subnet-overlap", &[("#network", r#"pod_subnet = "172.18.0.0/16""#)]),
    ("subnet-overlap", &[("#network", r#"node_subnet = "100.64.0.0/24""#)]),
    ("subnet-overlap", &[("#office", r#"subnet = "10.66.67.0/24""#)]),
    ("subnet-not-private", &[("#network", r#"pod_subnet = "172.31.0.0/16""#)]),
    ("subnet-not-private", &[("#network", r#"pod_subnet = "100.127.0.0/16""#)]),
    ("id-retired", &[("#cluster", "retired_ids = [2, 3]")]),
    ("id-outside-subnet", &[("#network", r#"node_subnet = "10.66.66.0/24""#)]),
    ("id-outside-subnet", &[("#home", r#"address = "10.66.66.254""#)]),
    ("pod-subnet-outside", &[("#network", r#"pod_subnet = "10.244.0.0/21""#)]),
    ("pod-subnet-overlap", &[("#home", r#"pod_subnet = "10.244.6.0/23""#)]),
    ("pod-subnet-size", &[("#home", r#"pod_subnet = "10.244.16.0/20""#)]),
    ("pod-subnet-size", &[("#home", r#"pod_subnet = "10.244.16.16/28""#)]),
    ("address-duplicate", &[("#home", r#"address = "10.66.66.4""#)]),
    ("address-outside-subnet", &[("#home", r#"address = "10.66.66.2""#)]),
    ("relay-behind-nat", &[("#attic", r#"relay = "tokyo""#)]),
    ("site-unknown", &[("#tokyo", r#"site = "office""#)]),
    ("mtu-out-of-bounds", &[("#wireguard", "mtu = 1412")]),
    ("mtu-out-of-bounds", &[("#wireguard", "mtu = 1280")]),
    ("mtu-out-of-bounds", &[("#tokyo", "underlay_mtu = 1360")]),
    ("dataplane-mismatch", &[("#calico", r#"dataplane = "nftables""#)]),
    ("route-reflector-unknown", &[("#calico", r#"route_reflectors = ["tokyo", "home"]"#)]),
    ("route-reflector-single", &[("#calico", r#"route_reflectors = ["tokyo", "attic"]"#)]),
    ("client-via-unknown", &[("#laptop", r#"via = "tokyo""#)]),
    ("wireguard-port-taken", &[("#tokyo", r#"open_ports = ["51820/tcp", "51821/udp"]"#)]),
    ("keepalive-zero-behind-nat", &[("#wireguard", "persistent_keepalive = 1")]),
    ("api-name-taken", &[("#control_plane", r#"endpoint = "tokyo.atlas.internal""#)]),
    ("api-name-taken", &[("#control_plane", r#"endpoint = "localhosts:6443""#)]),
    ("control-planes-far-apart", &[("#control_plane", "round_trip_ms = 100")]),
    ("endpoint-inside-mesh", &[("#home", r#"endpoint = "11.66.66.4""#)]),
    ("endpoint-private", &[("#home", r#"endpoint = "172.32.0.1""#)]),
    ("endpoint-private", &[("#home", r#"endpoint = "100.128.0.1""#)]),
    ("endpoint-private", &[("#home", r#"endpoint = "2001:db8::4""#)]),
    ("interface-taken", &[("#wireguard", r#"interface = "lo1""#)]),
    ("interface-taken", &[("#tokyo", r#"public_interface = "eth0""#)]),
    ("label-refused", &[("#tokyo", r#"labels = { "node.kubernetes.io/pool" = "a" }"#)]),
    ("label-refused", &[("#tokyo", r#"labels = { "topology.kubernetes.io/zone" = "a" }"#)]),
    ("label-refused", &[("#tokyo", r#"labels = { "notkubernetes.io/a" = "b", "k8s" = "" }"#)]),
    ("open-port-exposes", &[("#tokyo", r#"open_ports = ["6443/udp", "10000-10999/udp"]"#)]),
    ("open-port-exposes", &[("#home", r#"open_ports = ["6443/tcp", "2379-2380/tcp"]"#)]),
    ("open-port-wide", &[("#tokyo", r#"open_ports = ["30000-30999/tcp"]"#)]),
    ("replicas-above-nodes", &[("#ingress", "replicas = 2")]),
    ("replicas-above-nodes", &[("#ingress", "replicas = 3"), ("#tokyo", "taints = []")]),
    ("hostname-duplicate", &[("#tunnel", TUNNEL)]),
    ("hostname-too-deep", &[("#tunnel", TUNNEL)]),
    (
        "open-port-wide",
        &[("#firewall", "ssh_port = 2222"), ("#tokyo", r#"open_ports = ["22/tcp"]"#)],
    ),
    ("service-subnet-size", &[("#network", r#"service_subnet = "10.96.0.0/28""#)]),
    ("service-subnet-size", &[("#network", r#"service_subnet = "10.96.0.0/12""#)]),
    ("taint-drops-control-plane", &[("#tokyo", "taints = []")]),
    (
        "taint-drops-control-plane",
        &[("#tokyo", r#"taints = ["node-role.kubernetes.io/control-plane:NoSchedule"]"#)],
    ),
    ("taint-drops-control-plane", &[("#home", r#"taints = ["example.com/a:NoExecute"]"#)]),
    (
        "control-plane-behind-nat",
        &[
            (r#"endpoint = "203.0.113.10""#, "site = \"office\"\nlan_endpoint = \"192.168.1.2\""),
            ("#home", "site = \"office\"\nendpoint = \"203.0.113.10\""),
            ("#attic", r#"site = "office""#),
        ],
    ),
    ("endpoint-duplicate", &[("#home", r#"endpoint = "203.0.113.10:51821""#)]),
    (
        "lan-endpoint-outside-site",
        &[
            ("#office", r#"subnet = "192.168.50.0/24""#),
            ("#home", "site = \"office\"\nlan_endpoint = \"192.168.50.255\""),
            ("#attic", r#"site = "office""#),
        ],
    ),
    ("endpoint-is-name", &[("#home", r#"endpoint = "203.0.113.40""#)]),
    (
        "endpoint-name-private",
        &[("#home", "site = \"office\"\nlan_endpoint = \"nas.local\"\nrelay = \"tokyo\"")],
    ),
    ("relays-differ", &[("#home", r#"relay = "tokyo""#), ("#attic", r#"relay = "tokyo""#)]),
    ("subnet-of-home-routers", &[("#network", r#"node_subnet = "192.168.4.0/24""#)]),
    ("subnet-of-home-routers", &[("#network", r#"node_subnet = "10.0.1.0/24""#)]),
    (
        "round-trip-missing",
        &[
            ("#control_plane", "round_trip_ms = 30"),
            ("#tokyo", "provider = \"digitalocean\""),
            (
                "name = \"home\"\nid = 4\nrole = \"worker\"",
                "name = \"home\"\nid = 4\nrole = \"control-plane\"",
            ),
            (
                "name = \"attic\"\nid = 5\nrole = \"worker\"",
                "name = \"attic\"\nid = 5\nrole = \"control-plane\"",
            ),
            ("#home", "endpoint = \"203.0.113.40\"\nprovider = \"hetzner\""),
            ("#attic", "endpoint = \"203.0.113.50\"\nprovider = \"hetzner\""),
        ],
    ),
    ("control-planes-one-site", &[("#tokyo", r#"site = "office""#)]),
    ("api-name-public", &[("#control_plane", r#"endpoint = "api.home.arpa""#)]),
    ("ssh-closed", &[(r#"["203.0.113.0/24"]"#, "[]")]),
    (
        "hostname-inside-cluster-domain",
        &[("#tunnel", TUNNEL), ("#network", r#"dns_domain = "ample.com""#)],
    ),
    ("public-interface-trusted", &[("#tokyo", r#"public_interface = "enp1s0cali0""#)]),
    (
        "taint-duplicate",
        &[("#home", r#"taints = ["a:NoSchedule", "a:NoExecute", "b:NoSchedule"]"#)],
    ),
    ("kubernetes-version-ended", &[(r#""1.36.2""#, r#""1.35.4""#)]),
    ("kube-proxy-nftables-crash", &[(r#""1.36.2""#, r#""1.36.0""#)]),
    (
        "kube-proxy-nftables-crash",
        &[
            (r#""1.36.2""#, r#""1.35.3""#),
            ("#tokyo", r#"os = "debian-12""#),
            ("#home", "relay = \"tokyo\"\nos = \"ubuntu-24.04\""),
            ("#attic", r#"os = "ubuntu-22.04""#),
        ],
    ),
    (
        "subnet-overlap",
        &[("#tokyo", r#"provider = "hetzner""#), ("#network", r#"pod_subnet = "172.30.0.0/16""#)],
    ),
    (
        "hostname-inside-cluster-domain",
        &[("#tunnel", TUNNEL), ("#network", r#"dns_domain = "k8s.example.com""#)],
    ),
    (
        "pair-unreachable",
        &[
            ("#home", "site = \"office\"\nlan_endpoint = \"192.168.1.5\""),
            ("#attic", r#"site = "office""#),
        ],
    ),
];

/// Where the case brings no way of its own, a relay keeps the two nodes behind NAT together.
fn topology(case: &[(&str, &str)]) -> String {
    let together = case.iter().any(|(mark, keys)| {
        keys.contains("relay") || *mark == "#home" && keys.contains("endpoint")
    });
    let relay = if together { "" } else { "relay = \"tokyo\"\n" };
    let text = TOPOLOGY.replace("#home", &format!("{relay}#home"));
    case.iter().fold(text, |text, (mark, keys)| text.replace(mark, keys))
}

#[test]
fn near_misses_are_no_faults() {
    for (code, case) in CASES {
        let compiled = compile_text("topology.toml", topology(case));
        assert_eq!(human(&compiled), "", "{code}: {case:?}");
    }
}
