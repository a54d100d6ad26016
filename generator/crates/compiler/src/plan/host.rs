//! The HostPlan: the whole configuration of one machine, for every kind of provisioning.
//!
//! `node.json` is this struct, and NixOS modules read it; cloud-init's user-data is rendered from
//! the same struct. So the two cannot differ.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use serde::Serialize;

use crate::derive::label::ROUTE_REFLECTOR_LABEL;
use crate::derive::taint;
use crate::plan::control_plane::API_PORT;
use crate::plan::mesh::Peer;
use crate::plan::packages::AptPackages;
use crate::plan::{NodePlan, Plan};
use meshwright_value::delivery::{delivery_command, joining_command};
use meshwright_value::{
    Arch, Endpoints, InterfaceName, Name, OpenPort, Os, Port, ProxyMode, PublicKey, Reach,
    RegistryName, Role, Scheduler, SnapshotCount, SourceNet, SshHost, Subnet, Url, Version,
};

/// The version of this struct's shape, checked by its readers.
pub const SCHEMA_VERSION: u32 = 1;
/// kubeadm's configuration of this node.
pub const KUBEADM_CONFIG: &str = "/etc/kubernetes/kubeadm.yaml";
/// kubeadm's patches of this node; `kubeadm upgrade` needs them again.
pub const PATCHES_DIRECTORY: &str = "/etc/kubernetes/patches";
/// The kubeconfig with which a node joins; made by `meshwright export`, on the host only.
pub const DISCOVERY_FILE: &str = "/etc/kubernetes/discovery.conf";
/// The certificate of that kubeconfig, for a day.
pub const JOIN_CERTIFICATE: &str = "/etc/kubernetes/join.crt";
/// Its key.
pub const JOIN_KEY: &str = "/etc/kubernetes/join.key";
/// containerd's socket as kubeadm wants it named.
pub const CRI_SOCKET: &str = "unix:///run/containerd/containerd.sock";

/// The routing protocol and metric of pod routes that do not wait for BGP: BIRD neither learns nor
/// exports `kernel`. With a metric below BIRD's 1024, they carry pods 0.2 s after wg0 returns,
/// instead of 4 s (observed with Calico 3.32.1, 2026-11).
pub const POD_ROUTE: RouteKind = RouteKind { protocol: "kernel", metric: 512 };

/// The routing protocol and metric of the guards: the worst metric, and the only protocol that BIRD
/// learns (so that its next hops resolve to it) and Felix does not remove (observed with Calico
/// 3.32.1, 2026-11).
pub const GUARD_ROUTE: RouteKind = RouteKind { protocol: "static", metric: u32::MAX };

/// The attributes of a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct RouteKind {
    /// The name of the routing protocol (ip-route(8), `proto`).
    pub protocol: &'static str,
    /// The metric; lower wins.
    pub metric: u32,
}

/// The whole configuration of one machine.
///
/// `Peer` is a [`HostPeer`], or a value that was made of it once for all machines that share it.
#[derive(Debug, Clone, Serialize)]
pub struct HostPlan<'plan, Peer> {
    /// [`SCHEMA_VERSION`].
    pub schema_version: u32,
    /// The cluster's name.
    pub cluster: &'plan Name,
    /// The hostname.
    pub name: &'plan Name,
    /// Whether it runs the control plane.
    pub role: Role,
    /// Its operating system.
    pub os: Os,
    /// Its processor.
    pub arch: Arch,
    /// Its WireGuard interface.
    pub wireguard: HostWireGuard<'plan, Peer>,
    /// Routes into the mesh: to the other nodes' pods, and to the networks behind machines of the mesh.
    pub pod_routes: Routes,
    /// `unreachable` routes, so that pod and node traffic never leaves unencrypted.
    pub route_guards: Routes,
    /// The networks behind machines of the mesh, the same on every node.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub networks: Vec<HostNetwork<'plan>>,
    /// The open ports of its public side; the table itself is `nftables.conf`.
    pub firewall: HostFirewall<'plan>,
    /// Modules to load at boot.
    pub kernel_modules: Vec<String>,
    /// Kernel parameters by name.
    pub sysctl: BTreeMap<&'static str, &'static str>,
    /// Lines of /etc/hosts.
    pub hosts: Vec<HostsEntry<'plan>>,
    /// The container runtime.
    pub containerd: Containerd<'plan>,
    /// The load balancer for the API servers on this host; absent where there is one control plane.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub load_balancer: Option<LoadBalancer<'plan>>,
    /// kubelet and kubeadm.
    pub kubernetes: Kubernetes,
    /// The package repositories for apt; absent on NixOS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub packages: Option<AptPackages>,
}

/// One WireGuard interface.
#[derive(Debug, Clone, Serialize)]
pub struct HostWireGuard<'plan, Peer> {
    /// Its name.
    pub interface: &'plan InterfaceName,
    /// Its address with the subnet's prefix, so that BIRD's next hops resolve.
    pub address: String,
    /// Its public key.
    pub public_key: &'plan PublicKey,
    /// Its public endpoint, if it has one; with a port if a router forwards another one than
    /// `listen_port`. The IPv4 address, if it has one of each family.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<String>,
    /// Its IPv6 address in the same form, if it has one of each family.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ipv6_endpoint: Option<String>,
    /// Its endpoint for nodes of its site, in the same form.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lan_endpoint: Option<String>,
    /// Its site, if it is in one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub site: Option<&'plan Name>,
    /// The UDP port it listens on.
    pub listen_port: Port,
    /// Its MTU.
    pub mtu: u16,
    /// The MTU between this host and the Internet. `meshwright prove` compares encrypted packets
    /// with it.
    pub underlay_mtu: u16,
    /// The MTU of its site's network, if it is in one. `meshwright prove` compares with it what its nodes send
    /// each other.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub site_mtu: Option<u16>,
    /// The path of the private key on the host.
    pub private_key_file: String,
    /// Its peers.
    pub peers: Vec<Peer>,
}

/// One peer as a host sees it.
#[derive(Debug, Clone, Serialize)]
pub struct HostPeer<'plan> {
    /// Its name in the topology.
    pub name: &'plan Name,
    /// Its public key.
    pub public_key: &'plan PublicKey,
    /// The path of the pair's preshared key on the host, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub preshared_key_file: Option<String>,
    /// The addresses that are sent to it and accepted from it.
    pub allowed_ips: &'plan [ipnet::Ipv4Net],
    /// `host:port`, if it is called.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<String>,
    /// Seconds between keepalives, if any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub persistent_keepalive: Option<u16>,
    /// What a client with an endpoint may reach. `meshwright prove` compares the firewall with it: the client's own
    /// file has the addresses of all nodes, whatever it may reach.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reach: Option<&'plan [Reach]>,
}

/// Routes of one kind.
#[derive(Debug, Clone, Serialize)]
pub struct Routes {
    /// Their attributes.
    #[serde(flatten)]
    pub kind: RouteKind,
    /// Their destinations.
    pub subnets: Vec<Subnet>,
}

/// A network behind a machine of the mesh. `meshwright prove` sends packets to it.
#[derive(Debug, Clone, Serialize)]
pub struct HostNetwork<'plan> {
    /// Its name in the topology.
    pub name: &'plan Name,
    /// Its address range.
    pub subnet: Subnet,
    /// The machine that forwards to it.
    pub via: &'plan Name,
    /// The site whose LAN it is: the nodes of this site reach it without the mesh.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub site: Option<&'plan Name>,
    /// Whether pods may open connections to it.
    pub pods: bool,
}

/// The open ports of a host.
#[derive(Debug, Clone, Serialize)]
pub struct HostFirewall<'plan> {
    /// The port of sshd.
    pub ssh_port: Port,
    /// Where ssh(1) finds it, if it is not at its public endpoint.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ssh_host: Option<&'plan SshHost>,
    /// The sources that may reach it.
    pub ssh_from: &'plan [SourceNet],
    /// Further public ports.
    pub open_ports: &'plan [OpenPort],
    /// Whether nodes may reach sshd through the mesh.
    pub ssh_from_nodes: bool,
    /// Further ports that pods may reach.
    pub pod_ports: &'plan [OpenPort],
    /// Whether only root may reach the volumes of the host over the network, as in its provider's images.
    pub volumes_for_root: bool,
}

/// One line of /etc/hosts.
#[derive(Debug, Clone, Serialize)]
pub struct HostsEntry<'plan> {
    /// The address.
    pub address: Ipv4Addr,
    /// Its names.
    pub names: Vec<&'plan str>,
}

/// The container runtime.
#[derive(Debug, Clone, Serialize)]
pub struct Containerd<'plan> {
    /// The image of every pod's sandbox, the same that kubeadm names.
    pub sandbox_image: String,
    /// Mirrors by registry, tried in order.
    pub mirrors: &'plan BTreeMap<RegistryName, Vec<Url>>,
}

/// A load balancer of TCP connections on loopback: the API server binds the mesh address, and so
/// the API's port is free there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LoadBalancer<'plan> {
    /// The address on which it listens; the API's name resolves to it.
    pub address: Ipv4Addr,
    /// The port, its own and that of the servers.
    pub port: u16,
    /// The API servers.
    pub servers: Vec<Server<'plan>>,
}

/// One API server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Server<'plan> {
    /// The control plane's name.
    pub name: &'plan Name,
    /// Its address in the mesh.
    pub address: Ipv4Addr,
}

/// kubelet and kubeadm.
#[derive(Debug, Clone, Serialize)]
pub struct Kubernetes {
    /// Their version.
    pub version: Version,
    /// The subcommand of `kubeadm` that runs here once: `init` or `join`.
    pub bootstrap: &'static str,
    /// Whether this node applies the cluster's manifests, once it has initialised the cluster.
    pub applies_manifests: bool,
    /// The mesh addresses of all control planes. None of them may answer before `init`; one must
    /// answer before `join`.
    pub control_planes: Vec<Ipv4Addr>,
    /// The API server's name and port.
    pub api_endpoint: String,
    /// kubeadm's configuration on the host.
    pub kubeadm_config: &'static str,
    /// kubeadm's patches on the host.
    pub patches_directory: &'static str,
    /// Labels that kubelet gives its Node.
    pub node_labels: BTreeMap<String, String>,
    /// How Services are implemented; the kernel must support it before kubeadm starts.
    pub proxy_mode: ProxyMode,
    /// How IPVS chooses an endpoint; each scheduler has its own kernel module.
    pub scheduler: Scheduler,
    /// The number of snapshots of etcd that are kept; absent on workers, which have none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kept_snapshots: Option<SnapshotCount>,
}

impl HostWireGuard<'_, ()> {
    /// The path of an interface's private key on every host.
    #[must_use]
    pub fn private_key_file(interface: &InterfaceName) -> String {
        format!("/etc/wireguard/{interface}.key")
    }

    /// The path of the preshared key with a peer on every host.
    #[must_use]
    pub fn preshared_key_file(interface: &InterfaceName, peer: &Name) -> String {
        format!("/etc/wireguard/{interface}.psk/{peer}")
    }
}

impl NodePlan {
    /// Where ssh(1) finds it; none behind NAT, where only the owner knows the address.
    #[must_use]
    pub fn known_ssh_host(&self) -> Option<String> {
        let at_endpoint = || self.location.common_endpoint().map(|one| one.host().to_string());
        self.ssh_host.as_ref().map(ToString::to_string).or_else(at_endpoint)
    }

    /// The same for a command that a person completes, with a placeholder.
    #[must_use]
    pub fn ssh_host(&self) -> String {
        self.known_ssh_host().unwrap_or_else(|| "HOST".to_owned())
    }
}

impl Plan {
    /// Derives one machine. `peers` are made of the node's peers, from [`Plan::peers`].
    #[must_use]
    pub fn host<'plan, Peer>(
        &'plan self,
        node: &'plan NodePlan,
        peers: Vec<Peer>,
    ) -> HostPlan<'plan, Peer> {
        HostPlan {
            schema_version: SCHEMA_VERSION,
            cluster: &self.name,
            name: &node.name,
            role: node.role,
            os: node.os,
            arch: node.arch,
            wireguard: self.host_wireguard(node, peers),
            pod_routes: Routes { kind: POD_ROUTE, subnets: self.routed_into_mesh(node) },
            route_guards: self.route_guards(),
            networks: self.host_networks(),
            firewall: self.host_firewall(node),
            kernel_modules: self.kernel_modules(),
            sysctl: sysctl(),
            hosts: self.hosts(),
            containerd: self.containerd(),
            load_balancer: self.load_balancer(),
            kubernetes: self.host_kubernetes(node),
            packages: self.apt(node),
        }
    }

    fn host_wireguard<'plan, Peer>(
        &'plan self,
        node: &'plan NodePlan,
        peers: Vec<Peer>,
    ) -> HostWireGuard<'plan, Peer> {
        let interface = &self.wireguard.interface;
        let alternative = node.location.endpoints.as_ref().and_then(Endpoints::alternative);
        HostWireGuard {
            interface,
            address: self.interface_address(node),
            public_key: &node.public_key,
            endpoint: node.location.common_endpoint().map(ToString::to_string),
            ipv6_endpoint: alternative.map(ToString::to_string),
            lan_endpoint: node.location.lan_endpoint.as_ref().map(ToString::to_string),
            site: node.location.site.as_ref(),
            listen_port: node.listen_port,
            mtu: self.wireguard.mtu.value,
            underlay_mtu: node.underlay_mtu,
            site_mtu: node.site_mtu,
            private_key_file: HostWireGuard::private_key_file(interface),
            peers,
        }
    }

    /// One peer as every provisioner needs it.
    #[must_use]
    pub fn host_peer<'plan>(&'plan self, peer: &'plan Peer<'plan>) -> HostPeer<'plan> {
        let super::WireGuardPlan { interface, preshared_keys, .. } = &self.wireguard;
        let keepalive = Some(self.wireguard.persistent_keepalive.get());
        HostPeer {
            name: peer.name(),
            public_key: peer.public_key(),
            preshared_key_file: preshared_keys
                .then(|| HostWireGuard::preshared_key_file(interface, peer.name())),
            allowed_ips: &peer.allowed_ips,
            endpoint: peer.called_at(),
            persistent_keepalive: keepalive.filter(|seconds| peer.keepalive && *seconds > 0),
            reach: peer.reach(),
        }
    }

    /// A node's address with the prefix of the node subnet: BIRD resolves its next hops with
    /// this connected route (projectcalico/calico#11596).
    #[must_use]
    pub fn interface_address(&self, node: &NodePlan) -> String {
        format!("{}/{}", node.address, self.network.node_subnet.prefix_len())
    }

    fn routed_into_mesh(&self, node: &NodePlan) -> Vec<Subnet> {
        let others = self.nodes.iter().filter(|other| other.id != node.id);
        others.map(|other| other.pod_subnet).chain(self.networks_elsewhere(node)).collect()
    }

    /// The networks that a node reaches through the mesh.
    pub fn networks_elsewhere(&self, node: &NodePlan) -> impl Iterator<Item = Subnet> {
        let elsewhere = self.networks.iter().filter(|network| !network.is_beside(node));
        elsewhere.map(|network| network.subnet)
    }

    fn host_networks(&self) -> Vec<HostNetwork<'_>> {
        let networks = self.networks.iter().map(|network| HostNetwork {
            name: &network.name,
            subnet: network.subnet,
            via: &network.via,
            site: network.site.as_ref(),
            pods: network.pods,
        });
        networks.collect()
    }

    /// `unreachable` routes to pods and nodes. Not to Services: connections to every ClusterIP
    /// would fail with "No route to host" (observed with kube-proxy 1.37.2, 2026-11).
    #[must_use]
    pub fn route_guards(&self) -> Routes {
        let subnets = vec![self.network.pod_subnet, self.network.node_subnet];
        Routes { kind: GUARD_ROUTE, subnets }
    }

    fn host_firewall<'plan>(&'plan self, node: &'plan NodePlan) -> HostFirewall<'plan> {
        HostFirewall {
            ssh_port: self.firewall.ssh_port,
            ssh_host: node.ssh_host.as_ref(),
            ssh_from: &node.ssh_from,
            open_ports: &node.open_ports,
            ssh_from_nodes: self.firewall.ssh_from_nodes,
            pod_ports: &self.firewall.pod_ports,
            volumes_for_root: node.provider.guards_volumes,
        }
    }

    /// Modules to load at boot, by name. kube-proxy's image has no modprobe since 1.29 (k0s#4626),
    /// so the host loads the modules of IPVS.
    #[must_use]
    pub fn kernel_modules(&self) -> Vec<String> {
        kernel_modules(self.kube_proxy.mode, self.kube_proxy.scheduler)
    }

    /// Lines of /etc/hosts, the same on every node. Every node's name resolves (kubeadm's Hostname
    /// check), and the API's name to the mesh address of the one control plane, or to this host's
    /// load balancer before several.
    #[must_use]
    pub fn hosts<'plan>(&'plan self) -> Vec<HostsEntry<'plan>> {
        let api_name = self.control_plane.endpoint.name().as_str();
        let api_address = self.api_address();
        let mut entries = vec![HostsEntry { address: api_address, names: vec![api_name] }];
        entries.extend(
            self.nodes
                .iter()
                .map(|node| HostsEntry { address: node.address, names: vec![node.name.as_str()] }),
        );
        entries
    }

    /// The address to which the API's name resolves on every node.
    #[must_use]
    pub fn api_address(&self) -> Ipv4Addr {
        self.load_balancer().map_or(self.init_node().address, |balancer| balancer.address)
    }

    /// The load balancer for several API servers, the same on every node.
    #[must_use]
    pub fn load_balancer(&self) -> Option<LoadBalancer<'_>> {
        self.control_plane.is_highly_available().then(|| {
            let control_planes = self.nodes.iter().filter(|node| node.is_control_plane());
            let servers = control_planes
                .map(|node| Server { name: &node.name, address: node.address })
                .collect();
            LoadBalancer { address: Ipv4Addr::LOCALHOST, port: API_PORT, servers }
        })
    }

    /// The container runtime, the same on every node.
    #[must_use]
    pub fn containerd(&self) -> Containerd<'_> {
        let repository = self.images.repository.as_ref().map(ToString::to_string);
        Containerd {
            sandbox_image: sandbox_image(
                repository.as_deref(),
                self.versions.kubernetes.pause.of(self.kubernetes_version),
            ),
            mirrors: &self.images.mirrors,
        }
    }

    /// The command that sends a node its secrets and every later change.
    #[must_use]
    pub fn delivery_command(&self, node: &NodePlan) -> String {
        let port = self.firewall.ssh_port.get();
        delivery_command(node.name.as_str(), port, &node.ssh_user, &node.ssh_host())
    }

    /// The command of the first delivery: every node but the first one joins the cluster with it.
    #[must_use]
    pub fn first_delivery_command(&self, node: &NodePlan) -> String {
        if node.id == self.init_node().id {
            return self.delivery_command(node);
        }
        let port = self.firewall.ssh_port.get();
        joining_command(node.name.as_str(), port, &node.ssh_user, &node.ssh_host())
    }

    /// The configuration of kubelet and kubeadm on one node.
    #[must_use]
    pub fn host_kubernetes(&self, node: &NodePlan) -> Kubernetes {
        let initialises = node.id == self.init_node().id;
        Kubernetes {
            version: self.kubernetes_version,
            bootstrap: if initialises { "init" } else { "join" },
            applies_manifests: initialises && self.control_plane.applies_manifests,
            control_planes: self.control_plane.addresses.clone(),
            api_endpoint: self.control_plane.endpoint.to_string(),
            kubeadm_config: KUBEADM_CONFIG,
            patches_directory: PATCHES_DIRECTORY,
            node_labels: self.node_labels(node),
            proxy_mode: self.kube_proxy.mode,
            scheduler: self.kube_proxy.scheduler,
            kept_snapshots: (node.role == Role::ControlPlane)
                .then_some(self.control_plane.kept_snapshots),
        }
    }

    /// Labels that kubelet sets when it registers: NodeRestriction allows the zone, and labels
    /// outside `kubernetes.io`.
    #[must_use]
    pub fn node_labels(&self, node: &NodePlan) -> BTreeMap<String, String> {
        let declared = node.labels.iter();
        let mut labels: BTreeMap<_, _> =
            declared.map(|(key, value)| (key.to_string(), value.to_string())).collect();
        labels.entry(ZONE_LABEL.to_owned()).or_insert_with(|| node.zone.clone());
        if self.calico.route_reflectors.contains(&node.name) {
            labels.insert(ROUTE_REFLECTOR_LABEL.to_owned(), "true".to_owned());
        }
        labels
    }

    /// The taints of a node in the cluster, in the form of kubectl.
    #[must_use]
    pub fn node_taints(&self, node: &NodePlan) -> Vec<String> {
        let declared = node.taints.as_ref();
        let texts = declared.map(|taints| taints.iter().map(ToString::to_string).collect());
        taint::of_node(node.role, texts)
    }

    /// The labels as kubelet's `--node-labels` takes them, by key.
    #[must_use]
    pub fn node_labels_argument(&self, node: &NodePlan) -> String {
        let labels = self.node_labels(node).into_iter();
        labels.map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(",")
    }
}

/// The well-known label of a node's zone.
const ZONE_LABEL: &str = "topology.kubernetes.io/zone";

/// The kernel modules for a mode of kube-proxy, by name.
pub(crate) fn kernel_modules(mode: ProxyMode, scheduler: Scheduler) -> Vec<String> {
    let always = ["br_netfilter", "nf_conntrack", "overlay", "wireguard"];
    let mut modules: Vec<_> = always.map(str::to_owned).to_vec();
    if mode == ProxyMode::Ipvs {
        let ipvs = ["ip_vs", "ip_vs_rr", "ip_vs_sh", "ip_vs_wrr"];
        modules.extend(ipvs.map(str::to_owned));
        modules.push(scheduler.kernel_module());
    }
    modules.sort();
    modules.dedup();
    modules
}

/// The image of every pod's sandbox, the same that kubeadm names.
pub(crate) fn sandbox_image(repository: Option<&str>, pause: Version) -> String {
    let registry = repository.unwrap_or("registry.k8s.io");
    format!("{registry}/pause:{pause}")
}

/// Kernel parameters of every node, by name.
#[must_use]
pub fn sysctl() -> BTreeMap<&'static str, &'static str> {
    SYSCTL.into_iter().collect()
}

const SYSCTL: [(&str, &str); 13] = [
    // QUIC of cloudflared asks for 7 MiB socket buffers (quic-go, "UDP Buffer Sizes"); net.core is
    // not per pod.
    ("net.core.rmem_max", "7500000"),
    ("net.core.wmem_max", "7500000"),
    // Bridged pod traffic passes the firewall; a kubeadm preflight check until 1.30.
    ("net.bridge.bridge-nf-call-ip6tables", "1"),
    ("net.bridge.bridge-nf-call-iptables", "1"),
    // A relay would send its peers redirects to each other, but they cannot reach each other
    // directly.
    ("net.ipv4.conf.all.accept_redirects", "0"),
    ("net.ipv4.conf.all.send_redirects", "0"),
    ("net.ipv4.conf.default.accept_redirects", "0"),
    ("net.ipv4.conf.default.send_redirects", "0"),
    // kubeadm refuses to start without it.
    ("net.ipv4.ip_forward", "1"),
    // If BIRD starts before wg0 exists, it never listens (observed with Calico 3.32.1, 2026-11).
    ("net.ipv4.ip_nonlocal_bind", "1"),
    ("net.ipv6.conf.all.accept_redirects", "0"),
    ("net.ipv6.conf.default.accept_redirects", "0"),
    // Calico watches many files; the default of 128 instances is used up by a few dozen pods.
    ("fs.inotify.max_user_instances", "1024"),
];
