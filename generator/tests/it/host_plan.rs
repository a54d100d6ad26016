//! The files that cloud-init writes from user-data, read line by line, have the same content as
//! `node.json`, which NixOS reads. Both are rendered from one struct.

#![expect(clippy::expect_used, reason = "clippy exempts only functions under #[test]")]

use std::collections::BTreeMap;
use std::path::Path;

use meshwright_compiler::artifact::Tree;
use meshwright_compiler::plan::host::SCHEMA_VERSION;
use meshwright_compiler::plan::{NodePlan, Plan};
use meshwright_compiler::render::{Rendering, host_tree};
use meshwright_value::{Endpoint, Endpoints};
use serde_json::{Map, Value, json};

use crate::testing::{compile, repository, topologies};
use crate::user_data;

#[test]
fn user_data_of_every_example_has_the_content_of_its_node_json() {
    let paths = topologies().into_iter();
    let compared: usize = paths.map(|path| compare(&repository().join(path))).sum();
    assert!(compared > 20, "only {compared} nodes have user-data");
}

/// Compares each node of one topology that has user-data, and counts them.
fn compare(path: &Path) -> usize {
    let plan = compile(path).plan.expect("an example is clean");
    let rendering = Rendering::new(&plan);
    let mut compared = 0;
    for (position, node) in plan.nodes.iter().enumerate() {
        let Some(host) = ConfiguredHost::of(&plan, &rendering, position) else {
            assert!(node.os.is_nixos(), "{} has no user-data", node.name);
            continue;
        };
        let mut node_json = node_json(&rendering, position, node);
        host.name_the_api_server(&mut node_json);
        // Only `prove` reads these: no other file of the host contains them.
        let wireguard = node_json["wireguard"].as_object_mut().expect("an object");
        assert_eq!(wireguard.remove("public_key"), Some(json!(node.public_key)));
        let endpoints = node.location.endpoints.as_ref();
        let shown = |endpoint: &Endpoint| json!(endpoint.to_string());
        assert_eq!(wireguard.remove("endpoint"), endpoints.map(Endpoints::preferred).map(shown));
        let ipv6 = endpoints.and_then(Endpoints::alternative);
        assert_eq!(wireguard.remove("ipv6_endpoint"), ipv6.map(shown));
        let lan_endpoint = node.location.lan_endpoint.as_ref();
        let lan_endpoint = lan_endpoint.map(|known| json!(known.to_string()));
        assert_eq!(wireguard.remove("lan_endpoint"), lan_endpoint);
        let site = node.location.site.as_ref().map(|site| json!(site));
        assert_eq!(wireguard.remove("site"), site);
        assert_eq!(wireguard.remove("underlay_mtu"), Some(json!(node.underlay_mtu)));
        assert_eq!(wireguard.remove("site_mtu"), node.site_mtu.map(|mtu| json!(mtu)));
        // The table of the first boot has no rules of the mesh.
        let firewall = node_json["firewall"].as_object_mut().expect("an object");
        let (nodes, pods) = (firewall.remove("ssh_from_nodes"), firewall.remove("pod_ports"));
        assert_eq!(nodes, Some(json!(plan.firewall.ssh_from_nodes)));
        assert_eq!(pods, Some(json!(plan.firewall.pod_ports)));
        let wireguard = node_json["wireguard"].as_object_mut().expect("an object");
        let stated = wireguard["peers"].as_array_mut().expect("an array");
        for (peer, planned) in stated.iter_mut().zip(plan.peers(node)) {
            let reach = peer.as_object_mut().expect("an object").remove("reach");
            assert_eq!(reach, planned.reach().map(|reach| json!(reach)));
        }
        let networks = plan.networks.iter().map(|network| {
            let mut stated = json!({
                "name": network.name,
                "subnet": network.subnet,
                "via": network.via,
                "pods": network.pods,
            });
            if let Some(site) = &network.site {
                stated["site"] = json!(site);
            }
            stated
        });
        let networks: Vec<_> = networks.collect();
        let stated = (!networks.is_empty()).then_some(Value::Array(networks));
        assert_eq!(node_json.remove("networks"), stated);
        assert_eq!(node_json.remove("schema_version"), Some(json!(SCHEMA_VERSION)));
        assert_eq!(host.plan(), Value::Object(node_json), "{} of {}", node.name, path.display());
        compared += 1;
    }
    compared
}

fn node_json(rendering: &Rendering<'_>, position: usize, node: &NodePlan) -> Map<String, Value> {
    let artifacts = rendering.render(position + 1);
    let bytes = artifacts.get(&format!("nodes/{}/node.json", node.name));
    serde_json::from_slice(bytes).expect("an object")
}

/// A peer of wg0.conf as a line of wg0.peers without its kind.
fn listed_peer(peer: &Value) -> String {
    let allowed = peer["allowed_ips"].as_array().expect("a list").iter();
    let nets = allowed.map(|net| net.as_str().expect("a network"));
    let addresses: Vec<_> = nets.filter_map(|net| net.strip_suffix("/32")).collect();
    let text = |key: &str| peer.get(key).and_then(Value::as_str).unwrap_or("-").to_owned();
    [text("name"), text("public_key"), addresses.join(","), text("preshared_key_file")].join("\t")
}

/// A host after its first boot and its first delivery: the texts of its files by their paths.
struct ConfiguredHost {
    hostname: String,
    files: BTreeMap<String, String>,
    interface: String,
}

impl ConfiguredHost {
    /// Files that are not in user-data are sent with the first delivery, from the same tree.
    fn of(plan: &Plan, rendering: &Rendering<'_>, position: usize) -> Option<Self> {
        let node = &plan.nodes[position];
        let mut own = user_data::texts(rendering, position + 1);
        let user_data = own.remove(&format!("nodes/{}/user-data.yaml", node.name))?;
        let carried = user_data::read(&user_data, node).into_iter();
        let mut files: BTreeMap<_, _> = carried.map(|(path, (_, text))| (path, text)).collect();
        for (artifact, text) in own.into_iter().chain(user_data::texts(rendering, 0)) {
            let Some(path) = host_tree::place(&artifact, &node.name, &plan.wireguard.interface)
            else {
                continue;
            };
            files.entry(path).or_insert(text);
        }
        let hostname = user_data.lines().find_map(|line| line.strip_prefix("hostname: "));
        let hostname = hostname.expect("a hostname").to_owned();
        let mut host = Self { hostname, files, interface: String::new() };
        host.interface = host.environment("MESHWRIGHT_INTERFACE");
        Some(host)
    }

    /// A node that joins reads the API server's port from the discovery file, which is a secret.
    fn name_the_api_server(&self, node_json: &mut Map<String, Value>) {
        let kubernetes = node_json["kubernetes"].as_object_mut().expect("an object");
        let endpoint = kubernetes["api_endpoint"].as_str().expect("an endpoint");
        let (name, _) = endpoint.split_once(':').expect("a name and a port");
        assert_eq!(self.environment("MESHWRIGHT_API_NAME"), name);
        if kubernetes["bootstrap"] == "join" {
            kubernetes.remove("api_endpoint");
        }
    }

    fn plan(&self) -> Value {
        assert_eq!(self.environment("MESHWRIGHT_NODE"), self.hostname);
        let mut plan = json!({
            "cluster": self.environment("MESHWRIGHT_CLUSTER"),
            "name": self.hostname,
            "role": self.role(),
            "os": self.environment("MESHWRIGHT_OS"),
            "arch": self.environment("MESHWRIGHT_ARCH"),
            "wireguard": self.wireguard(),
            "pod_routes": self.routes(&self.wireguard_file("routes")),
            "route_guards": self.routes("/etc/meshwright/guards.routes"),
            "firewall": self.firewall(),
            "kernel_modules": self.lines("/etc/modules-load.d/meshwright.conf"),
            "sysctl": self.sysctl(),
            "hosts": self.hosts(),
            "containerd": self.containerd(),
            "kubernetes": self.kubernetes(),
            "packages": {
                "kubernetes": self.repository("KUBERNETES"),
                "containerd": self.repository("CONTAINERD"),
            },
        });
        if let Some(balancer) = self.load_balancer() {
            plan["load_balancer"] = balancer;
        }
        plan
    }

    fn text(&self, path: &str) -> &str {
        self.files.get(path).unwrap_or_else(|| unreachable!("{} has no {path}", self.hostname))
    }

    /// The lines of a file that are not comments.
    fn lines(&self, path: &str) -> Vec<&str> {
        self.text(path).lines().filter(|line| !line.starts_with('#')).collect()
    }

    fn wireguard_file(&self, extension: &str) -> String {
        format!("/etc/wireguard/{}.{extension}", self.interface)
    }

    /// A variable of node.env, as a shell reads it.
    fn environment(&self, name: &str) -> String {
        let prefix = format!("{name}=");
        let lines = self.lines("/etc/meshwright/node.env");
        let value = lines.iter().find_map(|line| line.strip_prefix(&prefix));
        let value = value.unwrap_or_else(|| unreachable!("node.env has no {name}"));
        value.trim_matches('\'').to_owned()
    }

    fn repository(&self, name: &str) -> Value {
        let of = |what: &str| self.environment(&format!("MESHWRIGHT_{name}_{what}"));
        json!({
            "source": of("APT"),
            "key": of("KEY"),
            "fingerprints": of("FINGERPRINTS").split(' ').collect::<Vec<_>>(),
            "version": of("VERSION"),
        })
    }

    /// wg0.conf, and the endpoints that are names.
    fn wireguard(&self) -> Value {
        let text = self.text(&self.wireguard_file("conf"));
        let mut sections = text.split("[Peer]\n");
        let head = sections.next().unwrap_or_default();
        let mut interface = keys(head);
        let address = interface["Address"].split('/').next();
        assert_eq!(Some(&*self.environment("MESHWRIGHT_ADDRESS")), address);
        let mut preshared = BTreeMap::new();
        let mut private_key_file = None;
        for line in head.lines().filter_map(|line| line.strip_prefix("PostUp = wg set %i ")) {
            match line.split(' ').collect::<Vec<_>>()[..] {
                ["private-key", file] => private_key_file = Some(file),
                ["peer", key, "preshared-key", file] => {
                    preshared.insert(key, file);
                }
                _ => unreachable!("PostUp = {line}"),
            }
        }
        // The comment before a section names its peer.
        let names = text.split("[Peer]\n").filter_map(|before| before.trim_end().lines().last());
        let names = names.map(|line| line.trim_start_matches("# "));
        let peers: Vec<_> = sections
            .zip(names)
            .map(|(section, name)| self.peer(name, &keys(section), &preshared))
            .collect();
        assert_eq!(self.listed_peers(), peers.iter().map(listed_peer).collect::<Vec<_>>());
        assert_eq!(self.environment("MESHWRIGHT_INTERFACE_ADDRESS"), interface["Address"]);
        assert_eq!(self.environment("MESHWRIGHT_MTU"), interface["MTU"]);
        let mut take = |key: &str| interface.remove(key).unwrap_or_default();
        assert_eq!(take("Table"), "off");
        json!({
            "interface": self.interface,
            "address": take("Address"),
            "listen_port": number(take("ListenPort")),
            "mtu": number(take("MTU")),
            "private_key_file": private_key_file,
            "peers": peers,
        })
    }

    fn peer(
        &self,
        name: &str,
        keys: &BTreeMap<&str, &str>,
        preshared: &BTreeMap<&str, &str>,
    ) -> Value {
        let public_key = keys["PublicKey"];
        let allowed_ips: Vec<_> = keys["AllowedIPs"].split(", ").collect();
        let mut peer = json!({
            "name": name,
            "public_key": public_key,
            "allowed_ips": allowed_ips,
        });
        if let Some(file) = preshared.get(public_key) {
            peer["preshared_key_file"] = json!(file);
        }
        let named = self.endpoints();
        if let Some(endpoint) = keys.get("Endpoint").or_else(|| named.get(public_key)) {
            peer["endpoint"] = json!(endpoint);
        }
        if let Some(seconds) = keys.get("PersistentKeepalive") {
            peer["persistent_keepalive"] = number(seconds);
        }
        peer
    }

    /// wg0.peers without the kind of each peer, which wg0.conf does not contain.
    fn listed_peers(&self) -> Vec<String> {
        let text = self.text(&self.wireguard_file("peers"));
        let lines = text.lines().map(|line| line.split_once('\t').expect("a kind"));
        lines
            .map(|(kind, peer)| {
                assert!(["node", "client"].contains(&kind), "{kind}");
                peer.to_owned()
            })
            .collect()
    }

    fn endpoints(&self) -> BTreeMap<&str, &str> {
        let path = self.wireguard_file("endpoints");
        if !self.files.contains_key(&path) {
            return BTreeMap::new();
        }
        let lines = self.lines(&path).into_iter();
        lines.map(|line| line.split_once(' ').expect("a key and an endpoint")).collect()
    }

    /// Routes of one kind, as ip-route(8) takes them.
    fn routes(&self, path: &str) -> Value {
        let mut kinds = Vec::new();
        let mut subnets = Vec::new();
        for line in self.lines(path) {
            let words: Vec<_> = line.split(' ').collect();
            let (subnet, protocol, metric) = match words[..] {
                [
                    "route",
                    "replace",
                    "unreachable",
                    subnet,
                    "proto",
                    protocol,
                    "metric",
                    metric,
                ] => (subnet, protocol, metric),
                [
                    "route",
                    "replace",
                    subnet,
                    "dev",
                    device,
                    "proto",
                    protocol,
                    "metric",
                    metric,
                ] => {
                    assert_eq!(device, self.interface);
                    (subnet, protocol, metric)
                }
                _ => unreachable!("{line}"),
            };
            kinds.push((protocol, metric));
            subnets.push(subnet);
        }
        kinds.dedup();
        // The only machine of a cluster has no route.
        let (protocol, metric) = match kinds[..] {
            [kind] => kind,
            [] => ("kernel", "512"),
            _ => unreachable!("{path} has routes of {kinds:?}"),
        };
        json!({ "protocol": protocol, "metric": number(metric), "subnets": subnets })
    }

    /// The traffic that the public side accepts, from the rules of nftables.conf.
    fn firewall(&self) -> Value {
        let text = self.text("/etc/meshwright/nftables.conf");
        let v4 = starting(text, "ip saddr @ssh_from_v4 ");
        let v6 = starting(text, "ip6 saddr @ssh_from_v6 ");
        let mut ssh: Vec<_> = v4.chain(v6).collect();
        ssh.dedup();
        let [ssh] = ssh[..] else { unreachable!("rules for SSH: {ssh:?}") };
        let ssh_port = ssh.strip_prefix("tcp dport ").and_then(|rest| rest.split(' ').next());
        let comment = " accept comment \"open_ports\"";
        let open = text.lines().filter_map(|line| line.trim().strip_suffix(comment));
        let open_ports: Vec<_> = open
            .map(|rule| {
                let (protocol, range) = rule.split_once(" dport ").expect("a protocol and ports");
                format!("{range}/{protocol}")
            })
            .collect();
        let ssh_from = [elements(text, "ssh_from_v4"), elements(text, "ssh_from_v6")].concat();
        json!({
            "ssh_port": number(ssh_port.expect("a port")),
            "ssh_from": ssh_from,
            "open_ports": open_ports,
            "volumes_for_root": text.contains("  chain volumes {\n"),
        })
    }

    fn sysctl(&self) -> BTreeMap<&str, &str> {
        let lines = self.lines("/etc/sysctl.d/90-meshwright.conf").into_iter();
        lines.map(|line| line.split_once(" = ").expect("a name and a value")).collect()
    }

    fn hosts(&self) -> Vec<Value> {
        let lines = self.lines("/etc/meshwright/hosts").into_iter();
        let entry = |line: &str| {
            let (address, names) = line.split_once(' ').expect("an address and names");
            json!({ "address": address, "names": names.split(' ').collect::<Vec<_>>() })
        };
        lines.map(entry).collect()
    }

    fn containerd(&self) -> Value {
        let config = toml_file(self.text("/etc/containerd/config.toml"));
        let images = &config["plugins"]["io.containerd.cri.v1.images"];
        let folder = images["registry"]["config_path"].as_str().expect("a folder");
        let mut mirrors = Map::new();
        for (path, text) in &self.files {
            let Some(registry) = path.strip_prefix(&format!("{folder}/")) else { continue };
            let registry = registry.strip_suffix("/hosts.toml").expect("a folder a registry");
            let registry = match registry.strip_suffix('_').and_then(|port| port.rsplit_once('_')) {
                Some((host, port)) => format!("{host}:{port}"),
                None => registry.to_owned(),
            };
            // Their order counts, and a table keeps none.
            let urls = text.lines().filter_map(|line| line.strip_prefix("[host.\""));
            let urls: Vec<_> = urls.filter_map(|line| line.strip_suffix("\"]")).collect();
            mirrors.insert(registry, json!(urls));
        }
        json!({ "sandbox_image": images["pinned_images"]["sandbox"], "mirrors": mirrors })
    }

    /// haproxy.cfg, where there is one.
    fn load_balancer(&self) -> Option<Value> {
        let text = self.files.get("/etc/haproxy/haproxy.cfg")?;
        let (address, port) = starting(text, "bind ").next()?.split_once(':')?;
        let servers: Vec<_> = starting(text, "server ")
            .map(|server| {
                let (name, rest) = server.split_once(' ').expect("a name and an address");
                let (address, its_port) = rest.split_once(':').expect("an address and a port");
                assert_eq!(its_port, port);
                json!({ "name": name, "address": address })
            })
            .collect();
        Some(json!({ "address": address, "port": number(port), "servers": servers }))
    }

    fn role(&self) -> &str {
        let join = self.documents().remove("JoinConfiguration");
        let is_worker = join.is_some_and(|join| join.get("controlPlane").is_none());
        let role = if is_worker { "worker" } else { "control-plane" };
        assert_eq!(self.environment("MESHWRIGHT_ROLE"), role);
        role
    }

    /// kubeadm.yaml's documents by their kinds.
    fn documents(&self) -> BTreeMap<String, Value> {
        let documents = self.text("/etc/kubernetes/kubeadm.yaml").split("\n---\n");
        let documents = documents.map(yaml);
        documents
            .map(|document| (document["kind"].as_str().expect("a kind").to_owned(), document))
            .collect()
    }

    fn kubernetes(&self) -> Value {
        let documents = self.documents();
        let upgrade = yaml(self.text("/etc/kubernetes/upgrade.yaml"));
        let version = upgrade["apply"]["kubernetesVersion"].as_str().expect("a version");
        let initialises = documents.contains_key("InitConfiguration");
        let own = &documents[if initialises { "InitConfiguration" } else { "JoinConfiguration" }];
        let arguments = own["nodeRegistration"]["kubeletExtraArgs"].as_array().expect("a list");
        let labels = arguments.iter().find(|argument| argument["name"] == "node-labels");
        let labels = labels.and_then(|labels| labels["value"].as_str()).expect("labels");
        let labels: BTreeMap<_, _> =
            labels.split(',').map(|label| label.split_once('=').expect("a label")).collect();
        let mut kubernetes = json!({
            "version": version.trim_start_matches('v'),
            "bootstrap": self.environment("MESHWRIGHT_BOOTSTRAP"),
            "applies_manifests": self.environment("MESHWRIGHT_APPLY") == "yes",
            "control_planes": self.environment("MESHWRIGHT_CONTROL_PLANES").split(' ').collect::<Vec<_>>(),
            "proxy_mode": self.environment("MESHWRIGHT_PROXY_MODE"),
            "scheduler": self.environment("MESHWRIGHT_SCHEDULER"),
            "kubeadm_config": "/etc/kubernetes/kubeadm.yaml",
            "patches_directory": own["patches"]["directory"],
            "node_labels": labels,
        });
        if self.environment("MESHWRIGHT_ROLE") == "control-plane" {
            let kept: u16 =
                self.environment("MESHWRIGHT_KEPT_SNAPSHOTS").parse().expect("a number");
            kubernetes["kept_snapshots"] = json!(kept);
        }
        if initialises {
            kubernetes["api_endpoint"] =
                documents["ClusterConfiguration"]["controlPlaneEndpoint"].clone();
            assert_eq!(kubernetes["bootstrap"], "init");
            assert_eq!(documents["KubeProxyConfiguration"]["mode"], kubernetes["proxy_mode"]);
        }
        kubernetes
    }
}

/// The keys of one section of a wg-quick file, each once.
fn keys(section: &str) -> BTreeMap<&str, &str> {
    let lines = section.lines().filter(|line| !line.starts_with("PostUp"));
    lines.filter_map(|line| line.split_once(" = ")).collect()
}

/// The rest of each line that begins with a word.
fn starting<'a>(text: &'a str, head: &'a str) -> impl Iterator<Item = &'a str> {
    text.lines().filter_map(move |line| line.trim().strip_prefix(head))
}

/// The elements of one set of nftables.conf.
fn elements<'a>(text: &'a str, set: &str) -> Vec<&'a str> {
    let head = format!("  set {set} {{\n");
    let body = text.split(&head).nth(1).and_then(|rest| rest.split("\n  }").next());
    let line =
        body.expect("a set").lines().find_map(|line| line.trim().strip_prefix("elements = "));
    let Some(line) = line else { return Vec::new() };
    line.trim_matches(['{', '}', ' ']).split(", ").collect()
}

fn number(text: &str) -> Value {
    json!(text.parse::<u32>().expect("a number"))
}

fn yaml(text: &str) -> Value {
    serde_saphyr::from_str(text).expect("YAML, each key once")
}

fn toml_file(text: &str) -> toml::Table {
    text.parse().expect("TOML")
}
