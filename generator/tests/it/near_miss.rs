//! Each rule stops where it should: a topology that is one change away from a fault is clean, and the
//! same topology with that change is reported.

use std::collections::BTreeSet;

use crate::testing::{compile_text, human};

/// A public node, two nodes behind NAT with a relay, a client. Comments mark where a case adds keys.
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
ssh_from = ["203.0.113.0/24", "192.168.0.0/16"]
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
relay = "tokyo"
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
#behind
"#;

/// The key that a case replaces if it connects `home` and `attic` in another way.
const RELAY: &str = r#"relay = "tokyo""#;

/// Nodes that call each other in the LAN of the office.
const IN_LAN: Edit = (RELAY, "site = \"office\"\nlan_endpoint = \"192.168.7.4\"");
const ATTIC_IN_LAN: Edit = ("#attic", "site = \"office\"");
const HETZNER_IN_LAN: Edit =
    ("#tokyo", "provider = \"hetzner\"\nsite = \"office\"\nlan_endpoint = \"192.168.7.1\"");

/// Hostnames of two zones, with each zone's own name; one of the zones is below a country's category.
const TUNNEL: &str = r#"
[cloudflare_tunnel]
id = "6ff42ae2-765d-4adf-8112-31c55c1551ef"
hostnames = ["example.com", "www.example.com", "example.co.uk", "www.example.co.uk"]
"#;

/// The topology without a fault, and the change that makes one.
struct NearMiss {
    code: &'static str,
    /// Texts that occur once in [`TOPOLOGY`], with their replacements.
    edits: &'static [Edit],
    /// The change that makes the fault of the code.
    fault: Edit,
}

/// A text that occurs once, and its replacement.
type Edit = (&'static str, &'static str);

const fn near(code: &'static str, edits: &'static [Edit], fault: Edit) -> NearMiss {
    NearMiss { code, edits, fault }
}

const CALICO_OF_THE_USER: &str = r#"version = "3.32.2"

[packages.sources.calico-crds]
url = "/opt/crds.yaml"

[packages.sources.calico-operator]
url = "https://example.com/operator.yaml"
sha256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
"#;

const ACCEPTED_RELAY: &str = r#"
[[lint.allow]]
code = "relay-single"
reason = "not the subject"
"#;

const PARIS: &str = r#"
[[nodes]]
name = "paris"
id = 6
role = "worker"
endpoint = "203.0.113.60"
public_key = "CCCCJOEJYbnSY5jk73R/V+zAjHXV3vR7PvC7SdE/BgU="
"#;

const HOME: &str = "name = \"home\"\nid = 4\nrole = \"worker\"";
const HOME_AS_CONTROL_PLANE: &str = "name = \"home\"\nid = 4\nrole = \"control-plane\"";
const ATTIC: &str = "name = \"attic\"\nid = 5\nrole = \"worker\"";
const ATTIC_AS_CONTROL_PLANE: &str = "name = \"attic\"\nid = 5\nrole = \"control-plane\"";

const CASES: &[NearMiss] = &[
    near(
        "subnet-overlap",
        &[("#network", r#"pod_subnet = "10.112.0.0/16""#)],
        ("10.112", "10.111"),
    ),
    near(
        "subnet-overlap",
        &[("#network", r#"pod_subnet = "172.18.0.0/16""#)],
        ("172.18", "172.17"),
    ),
    near("subnet-overlap", &[("#office", r#"subnet = "10.66.67.0/24""#)], ("10.66.67", "10.66.66")),
    near(
        "subnet-overlap",
        &[("#tokyo", r#"provider = "hetzner""#), ("#network", r#"pod_subnet = "172.30.0.0/16""#)],
        ("172.30", "172.31"),
    ),
    near(
        "subnet-not-private",
        &[("#network", r#"node_subnet = "100.64.0.0/24""#)],
        ("100.64", "100.63"),
    ),
    near(
        "subnet-not-private",
        &[("#network", r#"pod_subnet = "172.31.0.0/16""#)],
        ("172.31", "172.32"),
    ),
    near(
        "subnet-not-private",
        &[("#network", r#"pod_subnet = "100.127.0.0/16""#)],
        ("100.127", "100.128"),
    ),
    near("id-retired", &[("#cluster", "retired_ids = [2, 3]")], ("[2, 3]", "[2, 4]")),
    near(
        "id-outside-subnet",
        &[("#network", r#"node_subnet = "10.66.66.0/24""#)],
        ("66.0/24", "66.0/25"),
    ),
    near("pod-subnet-outside", &[("#network", r#"pod_subnet = "10.244.0.0/21""#)], ("/21", "/22")),
    near(
        "pod-subnet-overlap",
        &[("#home", r#"pod_subnet = "10.244.6.0/23""#)],
        ("10.244.6", "10.244.4"),
    ),
    near(
        "pod-subnet-size",
        &[("#home", r#"pod_subnet = "10.244.16.0/20""#)],
        ("16.0/20", "32.0/19"),
    ),
    near("pod-subnet-size", &[("#home", r#"pod_subnet = "10.244.16.16/28""#)], ("/28", "/29")),
    near(
        "address-duplicate",
        &[("#home", r#"address = "10.66.66.4""#)],
        ("10.66.66.4", "10.66.66.5"),
    ),
    near(
        "address-outside-subnet",
        &[("#home", r#"address = "10.66.66.2""#)],
        ("10.66.66", "10.66.67"),
    ),
    near("address-outside-subnet", &[("#home", r#"address = "10.66.66.254""#)], ("254", "255")),
    near("relay-behind-nat", &[(RELAY, ""), ("#attic", RELAY)], (RELAY, r#"relay = "home""#)),
    near(
        "site-unknown",
        &[("#tokyo", r#"site = "office""#)],
        ("site = \"office", "site = \"offise"),
    ),
    near("mtu-out-of-bounds", &[("#wireguard", "mtu = 1412")], ("1412", "1413")),
    near("mtu-out-of-bounds", &[("#wireguard", "mtu = 1280")], ("1280", "1279")),
    near("mtu-out-of-bounds", &[("#tokyo", "underlay_mtu = 1360")], ("1360", "1359")),
    near(
        "mtu-out-of-bounds",
        &[("#wireguard", "mtu = 1370"), ("#office", "mtu = 1450"), IN_LAN, ATTIC_IN_LAN],
        ("mtu = 1450", "mtu = 1449"),
    ),
    near(
        "mtu-out-of-bounds",
        &[("#office", "mtu = 1360"), IN_LAN, ATTIC_IN_LAN],
        ("mtu = 1360", "mtu = 1359"),
    ),
    near(
        "mtu-out-of-bounds",
        &[("#wireguard", "mtu = 1370"), HETZNER_IN_LAN, ATTIC_IN_LAN],
        ("mtu = 1370", "mtu = 1371"),
    ),
    near(
        "site-mtu-above-provider",
        &[("#office", "mtu = 1450"), HETZNER_IN_LAN, ATTIC_IN_LAN],
        ("mtu = 1450", "mtu = 1451"),
    ),
    near(
        "dataplane-mismatch",
        &[("#calico", r#"dataplane = "nftables""#)],
        ("dataplane = \"nf", "dataplane = \"ip"),
    ),
    near(
        "route-reflector-unknown",
        &[("#calico", r#"route_reflectors = ["tokyo", "home"]"#)],
        (", \"home\"]", ", \"hone\"]"),
    ),
    near(
        "route-reflector-single",
        &[("#calico", r#"route_reflectors = ["tokyo", "attic"]"#)],
        (", \"attic\"]", "]"),
    ),
    near(
        "client-via-unknown",
        &[("#laptop", r#"via = "tokyo""#)],
        ("via = \"tokyo", "via = \"tokio"),
    ),
    near(
        "wireguard-port-taken",
        &[("#tokyo", r#"open_ports = ["51820/tcp", "51821/udp"]"#)],
        ("51821", "51820"),
    ),
    near(
        "keepalive-zero-behind-nat",
        &[("#wireguard", "persistent_keepalive = 1")],
        ("keepalive = 1", "keepalive = 0"),
    ),
    near(
        "api-name-taken",
        &[("#control_plane", r#"endpoint = "tokyo.atlas.internal""#)],
        ("tokyo.atlas.internal", "tokyo"),
    ),
    near(
        "api-name-taken",
        &[("#control_plane", r#"endpoint = "localhosts:6443""#)],
        ("localhosts", "localhost"),
    ),
    near("control-planes-far-apart", &[("#control_plane", "round_trip_ms = 100")], ("100", "101")),
    near("endpoint-inside-mesh", &[(RELAY, r#"endpoint = "11.66.66.4""#)], ("11.66", "10.66")),
    near("endpoint-private", &[(RELAY, r#"endpoint = "172.32.0.1""#)], ("172.32", "172.31")),
    near("endpoint-private", &[(RELAY, r#"endpoint = "100.128.0.1""#)], ("100.128", "100.127")),
    near(
        "endpoint-private",
        &[(RELAY, r#"endpoint = "2001:db8::4""#), ("203.0.113.10", "2001:db8::10")],
        ("2001:db8::4", "fd01:db8::4"),
    ),
    near(
        "address-families-differ",
        &[(RELAY, r#"endpoint = "203.0.113.4""#)],
        ("203.0.113.4", "2001:db8::4"),
    ),
    near(
        "address-families-differ",
        &[(RELAY, r#"endpoint = ["203.0.113.4", "2001:db8::4"]"#)],
        ("\"203.0.113.4\", ", ""),
    ),
    near(
        "endpoint-private",
        &[(RELAY, r#"endpoint = ["203.0.113.4", "2001:db8::4"]"#)],
        ("2001:db8::4", "fd01:db8::4"),
    ),
    near(
        "endpoint-duplicate",
        &[
            (RELAY, r#"endpoint = ["203.0.113.4", "2001:db8::4"]"#),
            ("\"203.0.113.10\"", r#"["203.0.113.10", "2001:db8::10"]"#),
        ],
        ("2001:db8::4", "2001:db8::10"),
    ),
    near(
        "endpoint-duplicate",
        &[("#laptop", r#"endpoint = "203.0.113.11""#)],
        ("113.11", "113.10"),
    ),
    near(
        "endpoint-private",
        &[("#laptop", r#"endpoint = "198.51.100.9""#)],
        ("198.51.100", "10.0.0"),
    ),
    near("endpoint-inside-mesh", &[("#laptop", r#"endpoint = "11.66.66.4""#)], ("11.66", "10.66")),
    near(
        "network-via-unknown",
        &[(
            "#behind",
            "[[networks]]\nname = \"lan\"\nsubnet = \"192.168.1.0/24\"\nvia = \"attic\"",
        )],
        ("via = \"attic\"", "via = \"attics\""),
    ),
    near(
        "network-via-not-called",
        &[
            ("#laptop", "endpoint = \"198.51.100.9\""),
            (
                "#behind",
                "[[networks]]\nname = \"lan\"\nsubnet = \"192.168.1.0/24\"\nvia = \"laptop\"",
            ),
        ],
        ("endpoint = \"198.51.100.9\"", ""),
    ),
    near(
        "network-not-private",
        &[("#behind", "[[networks]]\nname = \"lan\"\nsubnet = \"172.16.0.0/12\"\nvia = \"attic\"")],
        ("172.16.0.0/12", "172.0.0.0/8"),
    ),
    near(
        "network-overlap",
        &[("#behind", "[[networks]]\nname = \"lan\"\nsubnet = \"10.67.0.0/16\"\nvia = \"attic\"")],
        ("10.67.0.0/16", "10.66.0.0/16"),
    ),
    // The LAN of the site of `via` may be the network, and that of another site may not.
    near(
        "network-overlap",
        &[
            ("#office", "subnet = \"192.168.7.0/24\""),
            IN_LAN,
            ATTIC_IN_LAN,
            (
                "#behind",
                "[[networks]]\nname = \"lan\"\nsubnet = \"192.168.7.128/25\"\nvia = \"attic\"",
            ),
        ],
        ("via = \"attic\"", "via = \"tokyo\""),
    ),
    near(
        "network-endpoint-inside",
        &[
            IN_LAN,
            ATTIC_IN_LAN,
            (
                "#behind",
                "[[networks]]\nname = \"lan\"\nsubnet = \"192.168.7.0/24\"\nvia = \"attic\"",
            ),
        ],
        ("via = \"attic\"", "via = \"tokyo\""),
    ),
    near(
        "name-duplicate",
        &[(
            "#behind",
            "[[networks]]\nname = \"home\"\nsubnet = \"192.168.1.0/24\"\nvia = \"attic\"\n\n[[networks]]\nname = \"lan\"\nsubnet = \"192.168.2.0/24\"\nvia = \"attic\"",
        )],
        ("name = \"lan\"", "name = \"home\""),
    ),
    near(
        "address-families-differ",
        &[("#laptop", r#"endpoint = "198.51.100.9""#)],
        ("198.51.100.9", "2001:db8::9"),
    ),
    near(
        "endpoint-address-shared",
        &[(RELAY, "endpoint = \"203.0.113.11\"\nlisten_port = 51821")],
        ("113.11", "113.10"),
    ),
    near(
        "endpoint-port-differs",
        &[(RELAY, "endpoint = \"203.0.113.11:51821\"\nlisten_port = 51821")],
        ("port = 51821", "port = 51822"),
    ),
    near(
        "endpoint-duplicate",
        &[
            (RELAY, "endpoint = \"203.0.113.11\"\nlisten_port = 51821"),
            ("#tokyo", "listen_port = 51821"),
        ],
        ("113.11", "113.10"),
    ),
    near(
        "wireguard-port-taken",
        &[("#tokyo", "open_ports = [\"51820/udp\"]\nlisten_port = 51821")],
        ("51821", "51820"),
    ),
    near("wireguard-port-taken", &[("#tokyo", "listen_port = 54")], ("54", "53")),
    near("ssh-closed-to-lan", &[("#home", r#"ssh_from = ["10.9.8.0/24"]"#)], ("10.9.8", "11.9.8")),
    near("interface-taken", &[("#wireguard", r#"interface = "lo1""#)], ("lo1", "lo")),
    near("interface-taken", &[("#tokyo", r#"public_interface = "eth0""#)], ("eth0", "wg0")),
    near(
        "label-refused",
        &[("#tokyo", r#"labels = { "node.kubernetes.io/pool" = "a" }"#)],
        ("node.kube", "nodes.kube"),
    ),
    near(
        "label-refused",
        &[("#tokyo", r#"labels = { "topology.kubernetes.io/zone" = "a" }"#)],
        ("/zone", "/zones"),
    ),
    near(
        "label-refused",
        &[("#tokyo", r#"labels = { "notkubernetes.io/a" = "b", "k8s" = "" }"#)],
        ("notkube", "not.kube"),
    ),
    near(
        "open-port-exposes",
        &[("#tokyo", r#"open_ports = ["6443/udp", "10000-10999/udp"]"#)],
        ("6443/udp", "6443/tcp"),
    ),
    near(
        "open-port-exposes",
        &[("#home", r#"open_ports = ["6443/tcp", "2379-2380/tcp"]"#)],
        ("6443", "10250"),
    ),
    near(
        "open-port-exposes",
        &[("#firewall", r#"pod_ports = ["180-2378/tcp", "2381/tcp", "179/udp"]"#)],
        ("180", "179"),
    ),
    near("calico-digest-missing", &[("#calico", r#"version = "3.32.0""#)], ("3.32.0", "3.32.2")),
    near(
        "calico-digest-missing",
        &[("#calico", CALICO_OF_THE_USER)],
        ("/opt/crds.yaml", "https://example.com/crds.yaml"),
    ),
    near(
        "open-port-wide",
        &[("#tokyo", r#"open_ports = ["30000-30999/tcp"]"#)],
        ("30999", "31000"),
    ),
    near(
        "open-port-wide",
        &[("#firewall", "ssh_port = 2222"), ("#tokyo", r#"open_ports = ["22/tcp"]"#)],
        ("2222", "22"),
    ),
    near("replicas-above-nodes", &[("#ingress", "replicas = 2")], ("replicas = 2", "replicas = 3")),
    near(
        "replicas-above-nodes",
        &[("#ingress", "replicas = 3"), ("#tokyo", "taints = []")],
        ("replicas = 3", "replicas = 4"),
    ),
    near("hostname-duplicate", &[("#tunnel", TUNNEL)], ("\"www.example.com\"", "\"example.com\"")),
    near(
        "hostname-too-deep",
        &[("#tunnel", TUNNEL)],
        ("\"www.example.com\"", "\"www.a.example.com\""),
    ),
    near(
        "hostname-too-deep",
        &[("#tunnel", TUNNEL)],
        ("\"www.example.co.uk\"", "\"www.a.example.co.uk\""),
    ),
    near(
        "service-subnet-size",
        &[("#network", r#"service_subnet = "10.96.0.0/28""#)],
        ("/28", "/29"),
    ),
    near(
        "service-subnet-size",
        &[("#network", r#"service_subnet = "10.96.0.0/12""#)],
        ("/12", "/11"),
    ),
    near("taint-drops-control-plane", &[("#tokyo", "taints = []")], ("[]", "[\"a:NoSchedule\"]")),
    near(
        "taint-drops-control-plane",
        &[("#tokyo", r#"taints = ["node-role.kubernetes.io/control-plane:NoSchedule"]"#)],
        ("control-plane:", "control-planes:"),
    ),
    near(
        "taint-drops-control-plane",
        &[("#home", r#"taints = ["example.com/a:NoExecute"]"#)],
        ("#tokyo", r#"taints = ["example.com/a:NoExecute"]"#),
    ),
    near(
        "control-plane-behind-nat",
        &[
            (r#"endpoint = "203.0.113.10""#, "site = \"office\"\nlan_endpoint = \"192.168.1.2\""),
            (RELAY, "site = \"office\"\nendpoint = \"203.0.113.10\""),
            ("#attic", r#"site = "office""#),
        ],
        ("lan_endpoint = \"192.168.1.2\"", ""),
    ),
    near(
        "endpoint-duplicate",
        &[(RELAY, r#"endpoint = "203.0.113.11:51820""#)],
        ("203.0.113.11:51820", "203.0.113.10:51820"),
    ),
    near(
        "lan-endpoint-outside-site",
        &[
            ("#office", r#"subnet = "192.168.50.0/24""#),
            (RELAY, "site = \"office\"\nlan_endpoint = \"192.168.50.255\""),
            ("#attic", r#"site = "office""#),
        ],
        ("192.168.50.255", "192.168.51.255"),
    ),
    near(
        "endpoint-is-name",
        &[(RELAY, r#"endpoint = "203.0.113.40""#)],
        ("203.0.113.40", "home.example.com"),
    ),
    near(
        "endpoint-name-private",
        &[("#home", "site = \"office\"\nlan_endpoint = \"nas.local\"")],
        ("lan_endpoint", "endpoint"),
    ),
    // With one public node, no other node could be a relay.
    near("relay-single", &[], ("#office", PARIS)),
    near(
        "relay-single",
        &[("#office", PARIS), (RELAY, r#"relay = ["tokyo", "paris"]"#)],
        (r#"["tokyo", "paris"]"#, r#"["tokyo"]"#),
    ),
    near(
        "relay-single",
        &[("#office", PARIS), (RELAY, r#"endpoint = "203.0.113.40""#)],
        (r#"endpoint = "203.0.113.40""#, RELAY),
    ),
    near(
        "relays-differ",
        &[
            (RELAY, r#"relay = ["tokyo", "paris"] # home"#),
            ("#attic", r#"relay = ["tokyo", "paris"] # attic"#),
            ("#office", PARIS),
        ],
        (r#"["tokyo", "paris"] # attic"#, r#"["paris", "tokyo"]"#),
    ),
    near(
        "relays-differ",
        &[
            ("#attic", r#"relay = "tokyo" # attic"#),
            ("#office", PARIS),
            ("#behind", ACCEPTED_RELAY),
        ],
        (r#"relay = "tokyo" # attic"#, r#"relay = "paris""#),
    ),
    near(
        "subnet-of-home-routers",
        &[("#network", r#"node_subnet = "192.168.4.0/24""#)],
        ("192.168.4.", "192.168.1."),
    ),
    near(
        "subnet-of-home-routers",
        &[("#network", r#"node_subnet = "10.0.1.0/24""#)],
        ("10.0.1.", "10.0.0."),
    ),
    near(
        "subnet-of-provider-vpc",
        &[("#tokyo", r#"provider = "aws""#), ("#network", r#"service_subnet = "172.30.0.0/16""#)],
        ("172.30.", "172.31."),
    ),
    // A network that is written is compared instead of the provider's.
    near(
        "subnet-of-provider-vpc",
        &[
            ("#tokyo", "provider = \"digitalocean\"\nsite = \"office\""),
            ("#office", "subnet = \"192.168.7.0/24\""),
        ],
        ("subnet = \"192.168.7.0/24\"", ""),
    ),
    near(
        "round-trip-missing",
        &[
            ("#control_plane", "round_trip_ms = 30"),
            ("#tokyo", "provider = \"vultr\""),
            (HOME, HOME_AS_CONTROL_PLANE),
            (ATTIC, ATTIC_AS_CONTROL_PLANE),
            (RELAY, "endpoint = \"203.0.113.40\"\nprovider = \"hetzner\""),
            ("#attic", "endpoint = \"203.0.113.50\"\nprovider = \"hetzner\""),
        ],
        ("round_trip_ms = 30", ""),
    ),
    near(
        "control-planes-one-site",
        &[
            ("#control_plane", "round_trip_ms = 30"),
            ("#tokyo", r#"site = "office""#),
            (HOME, HOME_AS_CONTROL_PLANE),
            (ATTIC, ATTIC_AS_CONTROL_PLANE),
            (RELAY, "endpoint = \"203.0.113.40\"\nsite = \"office\""),
            ("#attic", "endpoint = \"203.0.113.50\""),
        ],
        ("endpoint = \"203.0.113.50\"", "endpoint = \"203.0.113.50\"\nsite = \"office\""),
    ),
    near(
        "api-name-public",
        &[("#control_plane", r#"endpoint = "api.home.arpa""#)],
        ("home.arpa", "home.arp"),
    ),
    near(
        "ssh-closed",
        &[(r#"["203.0.113.0/24", "192.168.0.0/16"]"#, "[]")],
        ("#laptop", "reach = [\"pods\"]"),
    ),
    near(
        "hostname-inside-cluster-domain",
        &[("#tunnel", TUNNEL), ("#network", r#"dns_domain = "ample.com""#)],
        ("\"ample.com\"", "\"example.com\" # dns_domain"),
    ),
    near(
        "hostname-inside-cluster-domain",
        &[("#tunnel", TUNNEL), ("#network", r#"dns_domain = "k8s.example.com""#)],
        ("\"k8s.example.com\"", "\"example.com\""),
    ),
    near(
        "public-interface-trusted",
        &[("#tokyo", r#"public_interface = "enp1s0cali0""#)],
        ("enp1s0cali0", "cali0"),
    ),
    near(
        "taint-duplicate",
        &[("#home", r#"taints = ["a:NoSchedule", "a:NoExecute", "b:NoSchedule"]"#)],
        ("b:NoSchedule", "a:NoSchedule"),
    ),
    near("kubernetes-version-ended", &[(r#""1.36.2""#, r#""1.35.4""#)], ("1.35.4", "1.34.4")),
    near("kube-proxy-nftables-crash", &[(r#""1.36.2""#, r#""1.36.0""#)], ("1.36.0", "1.35.0")),
    near(
        "kube-proxy-nftables-crash",
        &[
            (r#""1.36.2""#, r#""1.35.3""#),
            ("#tokyo", r#"os = "debian-12""#),
            ("#home", r#"os = "ubuntu-24.04""#),
            ("#attic", r#"os = "ubuntu-22.04""#),
        ],
        ("debian-12", "debian-13"),
    ),
    near(
        "pair-unreachable",
        &[
            (RELAY, "site = \"office\"\nlan_endpoint = \"192.168.1.5\""),
            ("#attic", r#"site = "office""#),
        ],
        ("lan_endpoint = \"192.168.1.5\"", ""),
    ),
];

/// Replaces a text that must occur exactly once.
fn replaced(text: &str, (from, to): Edit) -> String {
    assert_eq!(text.matches(from).count(), 1, "`{from}` has to occur once in:\n{text}");
    text.replacen(from, to, 1)
}

#[test]
fn near_misses_are_clean_and_their_faults_are_reported() {
    for NearMiss { code, edits, fault } in CASES {
        let clean = edits.iter().fold(TOPOLOGY.to_owned(), |text, edit| replaced(&text, *edit));
        let compiled = compile_text("topology.toml", clean.clone());
        assert_eq!(human(&compiled), "", "{code}: {edits:?}");
        let report = compile_text("topology.toml", replaced(&clean, *fault)).report;
        let codes: BTreeSet<_> = report.diagnostics.iter().map(|found| found.code).collect();
        assert!(codes.contains(code), "{code}: {edits:?} with {fault:?} gives {codes:?}");
    }
}
