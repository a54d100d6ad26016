//! What is next to a fault, and is none: each rule stops where it should.

use crate::pipeline::{compile_text, human};

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
    ("route-reflector-unknown", &[("#calico", r#"route_reflectors = ["tokyo"]"#)]),
    ("client-via-unknown", &[("#laptop", r#"via = "tokyo""#)]),
    ("wireguard-port-taken", &[("#tokyo", r#"open_ports = ["51820/tcp", "51821/udp"]"#)]),
    ("keepalive-zero-behind-nat", &[("#wireguard", "persistent_keepalive = 1")]),
    ("replicas-above-nodes", &[("#ingress", "replicas = 2")]),
    ("replicas-above-nodes", &[("#ingress", "replicas = 3"), ("#tokyo", "taints = []")]),
    ("hostname-duplicate", &[("#tunnel", TUNNEL)]),
    ("hostname-too-deep", &[("#tunnel", TUNNEL)]),
    (
        "endpoint-duplicate",
        &[("#home", r#"endpoint = "203.0.113.10:51821""#), ("#attic", r#"relay = "tokyo""#)],
    ),
    (
        "pair-unreachable",
        &[
            ("#home", "site = \"office\"\nlan_endpoint = \"192.168.1.5\""),
            ("#attic", r#"site = "office""#),
        ],
    ),
];

/// In every case but the last ones, a relay keeps the two nodes behind NAT together.
fn topology(case: &[(&str, &str)]) -> String {
    let together =
        case.iter().any(|(_, keys)| keys.contains("relay") || keys.contains("lan_endpoint"));
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
