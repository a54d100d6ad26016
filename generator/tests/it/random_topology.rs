//! Random topologies that use every key of the schema, each by its seed.

#![expect(clippy::expect_used, reason = "clippy knows tests by their attribute, not their helpers")]

use std::collections::BTreeSet;
use std::fmt::Write as _;

use meshwright_compiler::topology::schema;
use meshwright_value::PublicKey;
use serde_json::Value;

use crate::seed::Seed;

/// The subnets of nodes, pods and Services, the block of a node, and the largest id.
struct NetworkChoice {
    nodes: &'static str,
    /// The first three numbers of addresses that no id has.
    further_addresses: &'static str,
    pods: &'static str,
    services: &'static str,
    prefix_len: u8,
    largest_id: usize,
    /// Blocks that no id has.
    further_blocks: [&'static str; 2],
}

const NETWORKS: [NetworkChoice; 5] = [
    NetworkChoice {
        nodes: "10.66.66.0/24",
        further_addresses: "10.66.66",
        pods: "10.244.0.0/16",
        services: "10.96.0.0/12",
        prefix_len: 24,
        largest_id: 199,
        further_blocks: ["10.244.240.0/24", "10.244.224.0/20"],
    },
    NetworkChoice {
        nodes: "172.20.8.0/22",
        further_addresses: "172.20.11",
        pods: "172.21.0.0/16",
        services: "172.22.0.0/20",
        prefix_len: 26,
        largest_id: 199,
        further_blocks: ["172.21.255.64/26", "172.21.200.16/28"],
    },
    NetworkChoice {
        nodes: "10.99.0.0/24",
        further_addresses: "10.99.0",
        pods: "10.100.0.0/15",
        services: "10.103.128.0/20",
        prefix_len: 20,
        largest_id: 30,
        further_blocks: ["10.101.240.0/21", "10.101.248.0/24"],
    },
    NetworkChoice {
        nodes: "100.64.0.0/20",
        further_addresses: "100.64.15",
        pods: "10.128.0.0/12",
        services: "192.168.240.0/20",
        prefix_len: 28,
        largest_id: 199,
        further_blocks: ["10.143.255.0/25", "10.130.0.0/22"],
    },
    NetworkChoice {
        nodes: "192.168.200.0/24",
        further_addresses: "192.168.200",
        pods: "192.168.128.0/18",
        services: "192.168.224.0/28",
        prefix_len: 27,
        largest_id: 199,
        further_blocks: ["192.168.191.192/27", "192.168.190.0/26"],
    },
];

const VERSIONS: [&str; 5] = ["1.34.9", "1.35.6", "1.36.3", "1.37.2", "1.37.0"];
const SCHEDULERS: [&str; 11] =
    ["rr", "wrr", "lc", "wlc", "lblc", "lblcr", "sh", "dh", "sed", "nq", "mh"];
const SYSTEMS: [&str; 6] =
    ["debian-12", "debian-13", "ubuntu-22.04", "ubuntu-24.04", "ubuntu-26.04", "nixos"];
const PROVIDERS: [&str; 16] = [
    "alibaba",
    "aws",
    "azure",
    "contabo",
    "digitalocean",
    "gcp",
    "hetzner",
    "linode",
    "netcup",
    "oracle",
    "ovh",
    "scaleway",
    "tencent",
    "upcloud",
    "vultr",
    "other",
];
const LABELS: [&str; 5] = [
    "disk = \"ssd\"",
    "\"example.com/tier\" = \"\"",
    "\"topology.kubernetes.io/zone\" = \"attic\"",
    "\"topology.kubernetes.io/region\" = \"eu-1\"",
    "\"node.kubernetes.io/instance-type\" = \"cx22\"",
];
const TAINTS: [&str; 4] = [
    "\"dedicated=db:NoSchedule\"",
    "\"example.com/slow:PreferNoSchedule\"",
    "\"home:NoExecute\"",
    "\"node-role.kubernetes.io/control-plane:NoSchedule\"",
];
const OPEN_PORTS: [&str; 5] =
    ["\"443/tcp\"", "\"8000-8100/tcp\"", "\"7000-7010/udp\"", "\"25565/tcp\"", "\"3478/udp\""];
const SSH_SOURCES: [&str; 5] =
    ["\"198.51.100.0/24\"", "\"2001:db8:1::/48\"", "\"192.0.2.7\"", "\"0.0.0.0/0\"", "\"::/0\""];
const HOSTNAMES: [&str; 4] =
    ["\"app.example.net\"", "\"hello.example.net\"", "\"*.example.org\"", "\"a.example.com\""];
const SHA256: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/// The topology of a seed. Few have errors, and those are counted by the callers.
pub(crate) fn topology(seed: u64) -> String {
    let mut text = String::new();
    let mut draw = Seed::new(seed);
    let network = &NETWORKS[draw.below(NETWORKS.len())];
    let mesh = RandomMesh::new(&mut draw, network);
    // Of their own, so that the rest of a topology does not depend on them.
    let settings = Seed::new(seed.wrapping_add(1 << 32));
    let mut writer = TopologyWriter { text: &mut text, draw, settings, network, mesh: &mesh };
    writer.topology().expect("a String takes everything");
    text
}

/// The nodes, without their other properties.
struct RandomMesh {
    nodes: Vec<RandomNode>,
    listen_port: u16,
    has_preshared_keys: bool,
}

struct RandomNode {
    id: usize,
    is_control_plane: bool,
    is_public: bool,
    /// The number of its site.
    site: Option<usize>,
    underlay_mtu: Option<u16>,
}

impl RandomMesh {
    fn new(draw: &mut Seed, network: &NetworkChoice) -> Self {
        let count = 1 + draw.below(11);
        let mut ids = BTreeSet::new();
        while ids.len() < count {
            ids.insert(1 + draw.below(network.largest_id));
        }
        let control_planes = draw.one(&[1, 1, 1, 2, 3, 3, 5]);
        let nodes = ids.into_iter().map(|id| RandomNode {
            id,
            is_control_plane: false,
            is_public: draw.chance(60),
            site: draw.chance(40).then(|| draw.below(3)),
            underlay_mtu: draw.chance(30).then(|| draw.one(&[1380, 1420, 1480, 1500, 9000])),
        });
        let mut nodes: Vec<_> = nodes.collect();
        let last = nodes.len() - 1;
        nodes[last].is_public = true;
        for position in 0..control_planes.min(nodes.len()) {
            let place = if draw.chance(80) { last - position } else { position };
            nodes[place].is_control_plane = true;
            nodes[place].is_public |= draw.chance(80);
        }
        Self {
            nodes,
            listen_port: draw.one(&[51820, 443, 5000]),
            has_preshared_keys: draw.chance(40),
        }
    }

    fn public(&self) -> Vec<usize> {
        self.nodes.iter().filter(|node| node.is_public).map(|node| node.id).collect()
    }
}

struct TopologyWriter<'a> {
    text: &'a mut String,
    draw: Seed,
    /// For the settings of the user's own.
    settings: Seed,
    network: &'a NetworkChoice,
    mesh: &'a RandomMesh,
}

impl TopologyWriter<'_> {
    /// A line in so many of 100 cases.
    fn maybe(
        &mut self,
        percent: usize,
        line: impl FnOnce(&mut Seed) -> String,
    ) -> std::fmt::Result {
        if self.draw.chance(percent) {
            let line = line(&mut self.draw);
            writeln!(self.text, "{line}")?;
        }
        Ok(())
    }

    fn head(&mut self, table: &str) -> std::fmt::Result {
        writeln!(self.text, "\n[{table}]")
    }

    fn topology(&mut self) -> std::fmt::Result {
        self.cluster()?;
        self.wireguard()?;
        self.control_plane()?;
        self.services()?;
        self.calico()?;
        self.entry()?;
        self.downloads()?;
        self.operation()?;
        self.sites()?;
        self.networks()?;
        for node in &self.mesh.nodes {
            self.node(node)?;
        }
        self.clients()?;
        self.kubeadm()?;
        self.hardening()
    }

    fn hardening(&mut self) -> std::fmt::Result {
        self.head("hardening")?;
        for key in ["audit_log", "pod_security", "anonymous_health_only", "encrypt_secrets"] {
            if self.settings.chance(20) {
                writeln!(self.text, "{key} = false")?;
            }
        }
        Ok(())
    }

    /// Settings of Kubernetes' programs.
    fn kubeadm(&mut self) -> std::fmt::Result {
        const TABLES: [(&str, &str); 6] = [
            ("feature_gates", "ContainerStopSignals = true"),
            ("api_server", "event-ttl = \"2h\"\noidc-required-claim = [\"a=b\", \"c=d\"]"),
            ("controller_manager", "concurrent-gc-syncs = 30"),
            ("scheduler", "kube-api-burst = 200"),
            ("etcd", "quota-backend-bytes = 4294967296"),
            (
                "kubelet",
                "imageGCHighThresholdPercent = 75\nevictionHard = { \"memory.available\" = \"5%\" }",
            ),
        ];
        if self.settings.chance(40) {
            self.head("kubeadm")?;
            writeln!(self.text, "cert_sans = [\"api.example.com\", \"203.0.113.9\"]")?;
        }
        for (table, lines) in TABLES {
            if self.settings.chance(30) {
                self.head(&format!("kubeadm.{table}"))?;
                writeln!(self.text, "{lines}")?;
            }
        }
        Ok(())
    }

    fn cluster(&mut self) -> std::fmt::Result {
        self.head("cluster")?;
        let name = self.draw.one(&["random", "a", "blue-2"]);
        let version = self.draw.one(&VERSIONS);
        writeln!(self.text, "name = \"{name}\"\nkubernetes_version = \"{version}\"")?;
        self.maybe(20, |_| "retired_ids = [240, 241]".to_owned())?;
        for key in ["ca_hash", "front_proxy_ca_hash", "etcd_ca_hash", "service_account_key_hash"] {
            self.maybe(30, |_| format!("{key} = \"sha256:{SHA256}\""))?;
        }
        let NetworkChoice { nodes, pods, services, prefix_len, .. } = self.network;
        self.head("network")?;
        writeln!(self.text, "node_subnet = \"{nodes}\"\npod_subnet = \"{pods}\"")?;
        writeln!(self.text, "service_subnet = \"{services}\"\npod_prefix_len = {prefix_len}")?;
        self.maybe(30, |draw| {
            format!("dns_domain = \"{}\"", draw.one(&["cluster.local", "k8s.internal"]))
        })
    }

    fn wireguard(&mut self) -> std::fmt::Result {
        let mesh = self.mesh;
        self.head("wireguard")?;
        self.maybe(40, |draw| {
            format!("interface = \"{}\"", draw.one(&["wg0", "mesh0", "w", "wg-cluster.1"]))
        })?;
        writeln!(self.text, "listen_port = {}", mesh.listen_port)?;
        writeln!(self.text, "preshared_keys = {}", mesh.has_preshared_keys)?;
        self.maybe(25, |draw| format!("mtu = {}", draw.one(&[1280, 1290, 1300])))?;
        let is_all_public = mesh.nodes.iter().all(|node| node.is_public);
        self.maybe(30, |draw| {
            let seconds = if is_all_public { draw.one(&[0, 25, 60]) } else { draw.one(&[15, 120]) };
            format!("persistent_keepalive = {seconds}")
        })
    }

    fn control_plane(&mut self) -> std::fmt::Result {
        let planes = self.mesh.nodes.iter().filter(|node| node.is_control_plane);
        let planes: Vec<_> = planes.map(|node| node.id).collect();
        self.head("control_plane")?;
        self.maybe(40, |draw| format!("init = \"n{}\"", draw.one(&planes)))?;
        self.maybe(30, |draw| {
            let names = ["api.random.internal", "kube.example.org:6443", "k8s.lan:6443"];
            format!("endpoint = \"{}\"", draw.one(&names))
        })?;
        self.maybe(50, |draw| format!("round_trip_ms = {}", draw.one(&[1, 20, 80, 150, 400])))
    }

    fn services(&mut self) -> std::fmt::Result {
        self.head("kube_proxy")?;
        self.maybe(80, |draw| {
            format!("mode = \"{}\"", draw.one(&["ipvs", "nftables", "iptables"]))
        })?;
        self.maybe(40, |draw| format!("scheduler = \"{}\"", draw.one(&SCHEDULERS)))?;
        self.maybe(40, |draw| format!("tcp_timeout = {}", draw.one(&[1, 900, 86_400, 2_147_483])))
    }

    fn calico(&mut self) -> std::fmt::Result {
        let ids: Vec<_> = self.mesh.nodes.iter().map(|node| node.id).collect();
        self.head("calico")?;
        self.maybe(40, |draw| {
            format!("version = \"{}\"", draw.one(&["3.31.7", "3.32.1", "3.32.0"]))
        })?;
        self.maybe(20, |draw| format!("as_number = {}", draw.one(&[1, 64999, 2_147_483_647])))?;
        self.maybe(30, |draw| format!("bgp_password = {}", draw.chance(50)))?;
        self.maybe(35, |draw| {
            let reflectors = draw.some(&ids).into_iter().take(3);
            let names: Vec<_> = reflectors.map(|id| format!("\"n{id}\"")).collect();
            format!("route_reflectors = [{}]", names.join(", "))
        })?;
        // Another one than kube-proxy's is an error.
        self.maybe(8, |draw| format!("dataplane = \"{}\"", draw.one(&["iptables", "nftables"])))
    }

    /// The path of requests from the Internet, and SSH.
    fn entry(&mut self) -> std::fmt::Result {
        self.head("ingress")?;
        let has_controller = self.settings.chance(85);
        if has_controller {
            self.maybe(70, |draw| {
                format!("controller = \"{}\"", draw.one(&["ingress-nginx", "traefik"]))
            })?;
        } else {
            writeln!(self.text, "controller = \"none\"")?;
        }
        self.maybe(30, |draw| format!("replicas = {}", 1 + draw.below(25)))?;
        self.maybe(20, |draw| {
            let tag = if draw.chance(50) { ":v1" } else { "" };
            format!("image = \"registry.example.com/controller{tag}@sha256:{SHA256}\"")
        })?;
        self.maybe(30, |draw| format!("admission_webhook = {}", draw.chance(70)))?;
        if has_controller && self.settings.chance(30) {
            writeln!(self.text, "values = {{ commonLabels = {{ team = \"a\" }} }}")?;
        }
        if has_controller && self.draw.chance(60) {
            self.head("cloudflare_tunnel")?;
            writeln!(self.text, "id = \"6ff42ae2-765d-4adf-8112-31c55c1551ef\"")?;
            let mut hostnames = self.draw.some(&HOSTNAMES);
            let has_hello = self.draw.chance(50);
            if has_hello && !hostnames.contains(&HOSTNAMES[1]) {
                hostnames.push(HOSTNAMES[1]);
            }
            writeln!(self.text, "hostnames = [{}]", hostnames.join(", "))?;
            self.maybe(50, |draw| format!("mode = \"{}\"", draw.one(&["local", "remote"])))?;
            self.maybe(30, |draw| format!("replicas = {}", 1 + draw.below(25)))?;
            self.maybe(60, |draw| {
                format!("protocol = \"{}\"", draw.one(&["auto", "quic", "http2"]))
            })?;
            self.maybe(30, |draw| {
                format!("memory_limit_mib = {}", draw.one(&[64, 512, 1_048_576]))
            })?;
            self.maybe(30, |draw| {
                format!("cpu_request_millis = {}", draw.one(&[2, 1_000, 256_000]))
            })?;
            if self.settings.chance(30) {
                writeln!(self.text, "image = \"registry.example.com/tunnel:1@sha256:{SHA256}\"")?;
            }
            self.hostname_rules()?;
            if has_hello {
                self.head("hello")?;
                writeln!(self.text, "hostname = {}", HOSTNAMES[1])?;
                if self.settings.chance(30) {
                    writeln!(self.text, "image = \"registry.example.com/echo:1@sha256:{SHA256}\"")?;
                }
            }
        }
        self.head("firewall")?;
        self.maybe(80, |draw| format!("ssh_from = [{}]", draw.some(&SSH_SOURCES).join(", ")))?;
        self.maybe(25, |draw| format!("pod_ports = [{}]", draw.some(&OPEN_PORTS).join(", ")))?;
        self.maybe(25, |draw| format!("ssh_from_nodes = {}", draw.one(&[true, false])))?;
        self.maybe(30, |draw| format!("ssh_port = {}", draw.one(&[22, 2222, 60022])))
    }

    /// Names of the tunnel with a Service or settings of their own.
    fn hostname_rules(&mut self) -> std::fmt::Result {
        for number in 0..self.settings.below(4) {
            self.head("[cloudflare_tunnel.rules]")?;
            writeln!(self.text, "hostname = \"rule{number}.example.net\"")?;
            let scheme = self.settings.one(&["http", "https", "ssh", "tcp", "rdp", "smb"]);
            let has_service = self.settings.chance(60);
            if has_service {
                let namespace = self.settings.one(&["apps", "git", "default"]);
                writeln!(self.text, "service = \"{scheme}://web{number}.{namespace}:4000\"")?;
                writeln!(self.text, "pod_labels = {{ app = \"web{number}\" }}")?;
                writeln!(self.text, "pod_port = {}", self.settings.one(&[22, 80, 8080]))?;
            }
            if has_service && scheme == "https" {
                writeln!(
                    self.text,
                    "origin_server_name = \"web.example.com\"\nno_tls_verify = true"
                )?;
                writeln!(self.text, "tls_timeout = 20\nhttp2_origin = true")?;
            }
            if has_service && self.settings.chance(30) {
                writeln!(self.text, "http_host_header = \"web.example.com\"")?;
            }
            if !has_service || ["http", "https"].contains(&scheme) {
                let access = "access = { team_name = \"acme\", aud_tags = [\"SHA256\"] }";
                writeln!(self.text, "{}", access.replace("SHA256", SHA256))?;
            }
            if self.settings.chance(50) {
                writeln!(self.text, "connect_timeout = 5\nkeep_alive_timeout = 86400")?;
                writeln!(self.text, "keep_alive_connections = 0\ndisable_chunked_encoding = true")?;
            }
        }
        Ok(())
    }

    fn downloads(&mut self) -> std::fmt::Result {
        self.head("backup")?;
        if self.settings.chance(30) {
            writeln!(self.text, "keep = 1000")?;
        }
        self.head("images")?;
        self.maybe(20, |_| "repository = \"registry.example.com/kubernetes\"".to_owned())?;
        self.maybe(30, |draw| {
            let mirrors = [
                "\"docker.io\" = [\"https://mirror.example.com\", \"https://mirror.example.org\"]",
                "\"registry.k8s.io\" = [\"http://192.0.2.9:5000\"]",
                "\"ghcr.io\" = [\"https://mirror.example.com/v2/ghcr\"]",
                "\"registry.example.com:5000\" = [\"https://mirror.example.com/registry\"]",
            ];
            format!("mirrors = {{ {} }}", draw.some(&mirrors).join(", "))
        })?;
        self.head("packages")?;
        self.maybe(20, |_| "kubernetes_apt = \"https://apt.example.com/k8s\"".to_owned())?;
        self.maybe(20, |_| "containerd_apt = \"https://apt.example.com/docker\"".to_owned())?;
        if self.settings.chance(30) {
            writeln!(self.text, "containerd_version = \"2.3.6-*\"")?;
        }
        self.maybe(20, |_| {
            "fingerprints = [\"0123456789ABCDEF0123456789ABCDEF01234567\"]".to_owned()
        })?;
        for name in [
            "calico-crds",
            "calico-operator",
            "ingress-nginx",
            "traefik",
            "helm-amd64",
            "helm-arm64",
        ] {
            if self.draw.chance(15) {
                self.head(&format!("packages.sources.{name}"))?;
                let is_path = self.draw.chance(40);
                let url = if is_path { "/opt/files" } else { "https://files.example.com" };
                writeln!(self.text, "url = \"{url}/{name}.tgz\"")?;
                if self.draw.chance(if is_path { 20 } else { 80 }) {
                    writeln!(self.text, "sha256 = \"{SHA256}\"")?;
                    let is_chart = ["ingress-nginx", "traefik"].contains(&name);
                    if is_chart && self.settings.chance(50) {
                        writeln!(self.text, "version = \"42.4.3\"")?;
                    }
                }
            }
        }
        Ok(())
    }

    fn operation(&mut self) -> std::fmt::Result {
        self.head("bootstrap")?;
        self.maybe(30, |draw| format!("apply = {}", draw.chance(50)))?;
        self.head("secrets")?;
        self.maybe(20, |_| {
            "recipients = [\"age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p\"]"
                .to_owned()
        })?;
        self.maybe(30, |_| {
            "\n[[lint.allow]]\ncode = \"endpoint-is-name\"\nreason = \"an address of each night\""
                .to_owned()
        })
    }

    fn sites(&mut self) -> std::fmt::Result {
        let used: BTreeSet<_> = self.mesh.nodes.iter().filter_map(|node| node.site).collect();
        for site in used {
            writeln!(self.text, "\n[[sites]]\nname = \"lan{site}\"")?;
            self.maybe(60, |_| format!("subnet = \"192.168.{site}.0/24\""))?;
            self.maybe(30, |draw| format!("mtu = {}", draw.one(&[1400, 1450, 1500, 9000])))?;
        }
        Ok(())
    }

    /// Networks behind nodes: of their own, and the LAN of a site.
    fn networks(&mut self) -> std::fmt::Result {
        const SUBNETS: [&str; 3] = ["10.9.0.0/24", "10.9.1.128/25", "10.9.2.7/32"];
        for (number, subnet) in SUBNETS.into_iter().enumerate() {
            if !self.settings.chance(15) {
                continue;
            }
            let via = &self.mesh.nodes[self.settings.below(self.mesh.nodes.len())];
            let lan = via.site.map(|site| format!("192.168.{site}.0/24"));
            let lan = lan.filter(|_| number == 0 && self.settings.chance(50));
            let subnet = lan.as_deref().unwrap_or(subnet);
            writeln!(
                self.text,
                "\n[[networks]]\nname = \"behind{number}\"\nsubnet = \"{subnet}\""
            )?;
            writeln!(self.text, "via = \"n{}\"", via.id)?;
            if self.settings.chance(30) {
                writeln!(self.text, "pods = false")?;
            }
        }
        Ok(())
    }

    fn node(&mut self, node: &RandomNode) -> std::fmt::Result {
        let RandomNode { id, is_control_plane, is_public, site, underlay_mtu } = node;
        let role = if *is_control_plane { "control-plane" } else { "worker" };
        writeln!(self.text, "\n[[nodes]]\nname = \"n{id}\"\nid = {id}\nrole = \"{role}\"")?;
        writeln!(self.text, "public_key = \"{}\"", key(*id))?;
        if self.settings.chance(20) {
            writeln!(self.text, "kubelet = {{ podPidsLimit = 4096, serverTLSBootstrap = true }}")?;
        }
        self.maybe(50, |draw| format!("provider = \"{}\"", draw.one(&PROVIDERS)))?;
        self.maybe(60, |draw| format!("os = \"{}\"", draw.one(&SYSTEMS)))?;
        self.maybe(30, |draw| format!("arch = \"{}\"", draw.one(&["amd64", "arm64"])))?;
        self.maybe(20, |_| "ssh_user = \"debian\"".to_owned())?;
        self.maybe(20, |_| "ssh_host = \"a-name.of-ssh_config\"".to_owned())?;
        self.maybe(20, |draw| format!("ssh_from = [{}]", draw.some(&SSH_SOURCES).join(", ")))?;
        self.maybe(25, |draw| format!("open_ports = [{}]", draw.some(&OPEN_PORTS).join(", ")))?;
        self.maybe(10, |_| "public_interface = \"ens3\"".to_owned())?;
        if *is_public {
            self.endpoint(*id)?;
        } else {
            let public = self.mesh.public();
            self.maybe(80, |draw| {
                let relays = draw.some(&public).into_iter();
                match relays.map(|id| format!("\"n{id}\"")).collect::<Vec<_>>().as_slice() {
                    [relay] => format!("relay = {relay}"),
                    several => format!("relay = [{}]", several.join(", ")),
                }
            })?;
        }
        if let Some(site) = site {
            writeln!(self.text, "site = \"lan{site}\"")?;
            self.maybe(90, |draw| {
                let port = draw.one(&["", "", ":4500"]);
                format!("lan_endpoint = \"192.168.{site}.{}{port}\"", id % 250 + 1)
            })?;
        }
        if let Some(mtu) = underlay_mtu {
            writeln!(self.text, "underlay_mtu = {mtu}")?;
        }
        self.maybe(30, |draw| format!("listen_port = {}", draw.one(&[51820, 51830, 4500])))?;
        self.maybe(30, |draw| format!("labels = {{ {} }}", draw.some(&LABELS).join(", ")))?;
        self.maybe(25, |draw| match draw.chance(30) {
            true => "taints = []".to_owned(),
            false => format!("taints = [{}]", draw.some(&TAINTS).join(", ")),
        })?;
        self.own_addresses(*id)
    }

    fn endpoint(&mut self, id: usize) -> std::fmt::Result {
        let host = match self.draw.below(12) {
            10 => {
                let port = self.draw.one(&["", ":4500"]);
                return writeln!(
                    self.text,
                    "endpoint = [\"203.0.113.{id}{port}\", \"[2001:db8::{id:x}]{port}\"]"
                );
            }
            11 => {
                return writeln!(
                    self.text,
                    "endpoint = [\"2001:db8::{id:x}\", \"203.0.113.{id}\"]"
                );
            }
            0..=4 => format!("203.0.113.{id}"),
            5 | 6 => format!("n{id}.example.org"),
            7 => format!("[2001:db8::{id:x}]"),
            8 => format!("2001:db8:0:1::{id:x}"),
            _ => format!("192.0.2.{id}"),
        };
        let is_bare = host.matches(':').count() > 1 && !host.starts_with('[');
        let port = if is_bare { "" } else { self.draw.one(&["", "", ":4500", ":51820"]) };
        let host = if port.is_empty() { host.trim_matches(['[', ']']) } else { host.as_str() };
        writeln!(self.text, "endpoint = \"{host}{port}\"")
    }

    /// An address and a block that no id gives, for one node of a topology each.
    fn own_addresses(&mut self, id: usize) -> std::fmt::Result {
        let NetworkChoice { further_addresses, further_blocks, .. } = self.network;
        let ids: Vec<_> = self.mesh.nodes.iter().map(|node| node.id).collect();
        if ids.first() == Some(&id) {
            self.maybe(25, |_| format!("address = \"{further_addresses}.250\""))?;
            self.maybe(25, |_| format!("pod_subnet = \"{}\"", further_blocks[0]))?;
        } else if ids.last() == Some(&id) {
            self.maybe(15, |_| format!("pod_subnet = \"{}\"", further_blocks[1]))?;
        }
        Ok(())
    }

    fn clients(&mut self) -> std::fmt::Result {
        let public = self.mesh.public();
        for number in 0..self.draw.one(&[0, 1, 1, 2, 3]) {
            let id = 201 + number;
            let name = format!("laptop{number}");
            writeln!(self.text, "\n[[clients]]\nname = \"{name}\"\nid = {id}")?;
            writeln!(self.text, "public_key = \"{}\"", key(4000 + number))?;
            self.maybe(40, |draw| format!("via = \"n{}\"", draw.one(&public)))?;
            self.maybe(30, |draw| match draw.below(4) {
                0 => {
                    format!("endpoint = [\"198.51.100.{id}:51999\", \"[2001:db8:9::{id}]:51999\"]")
                }
                1 => format!("endpoint = \"{name}.example.org\""),
                2 => format!("endpoint = \"2001:db8:9::{id}\""),
                _ => format!("endpoint = \"198.51.100.{id}:51999\""),
            })?;
            let networks = if self.settings.chance(40) { ", \"networks\"" } else { "" };
            self.maybe(70, |draw| {
                let reach = draw.some(&["\"nodes\"", "\"pods\"", "\"services\""]);
                format!("reach = [{}{networks}]", reach.join(", "))
            })?;
        }
        Ok(())
    }
}

/// A public key that no other id has. Any 32 bytes are one.
fn key(id: usize) -> String {
    let mut bytes = [7; 32];
    bytes[..8].copy_from_slice(&id.to_be_bytes());
    PublicKey::new(bytes).to_string()
}

/// Each key of the schema, as a path such as `/nodes/*/site`, and each word of a closed list behind it.
fn of_schema(schema: &Value, path: &str, found: &mut BTreeSet<String>) {
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        found.insert(format!("{path}/{name}"));
        of_schema(property, &format!("{path}/{name}"), found);
    }
    for further in ["items", "additionalProperties"] {
        if schema[further].is_object() {
            of_schema(&schema[further], &format!("{path}/*"), found);
        }
    }
    for word in schema["enum"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        found.insert(format!("{path} = {word}"));
    }
}

/// The same for a document. Keys that a user chooses are `*`.
fn of_document(document: &toml::Value, schema: &Value, path: &str, found: &mut BTreeSet<String>) {
    match document {
        toml::Value::Table(table) => {
            for (name, value) in table {
                let property = &schema["properties"][name];
                if property.is_null() {
                    let further = &schema["additionalProperties"];
                    of_document(value, further, &format!("{path}/*"), found);
                } else {
                    found.insert(format!("{path}/{name}"));
                    of_document(value, property, &format!("{path}/{name}"), found);
                }
            }
        }
        toml::Value::Array(items) => {
            for item in items {
                of_document(item, &schema["items"], &format!("{path}/*"), found);
            }
        }
        toml::Value::String(word) if schema["enum"].is_array() => {
            found.insert(format!("{path} = {word}"));
        }
        _ => {}
    }
}

/// Every key can be drawn, and every word of a closed list.
#[test]
fn random_topologies_use_the_whole_schema() {
    let schema = schema::topology();
    let mut wanted = BTreeSet::new();
    of_schema(&schema, "", &mut wanted);
    assert!(wanted.contains("/packages/sources/*/sha256"), "the keys are not found: {wanted:?}");
    assert!(wanted.contains("/nodes/*/os = nixos"), "the words are not found: {wanted:?}");
    let mut drawn = BTreeSet::new();
    for seed in 0..500 {
        let text = topology(seed);
        let document: toml::Table = toml::from_str(&text).expect(&text);
        of_document(&toml::Value::Table(document), &schema, "", &mut drawn);
    }
    let missing: Vec<_> = wanted.difference(&drawn).collect();
    assert!(missing.is_empty(), "no random topology has {missing:?}");
}
