//! The plan: every value that is derived from a topology. Renderers copy from here and compute
//! nothing.
//!
//! Deriving is total: every value that a rule guarantees is in the [`Assignments`]. Values of pairs
//! of nodes are derived for one node at a time, when they are needed ([`mesh`]), so that memory
//! grows with the number of nodes.

pub mod access;
mod assignments;
pub mod calico;
pub mod control_plane;
pub(crate) mod firewall;
pub mod hardening;
pub mod host;
pub(crate) mod ingress;
pub(crate) mod kube_proxy;
pub mod mesh;
pub mod network;
pub(crate) mod packages;
pub(crate) mod path;
pub mod settings;
pub(crate) mod sources;
pub mod tunnel;

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::Arc;

use crate::derive;
use crate::derive::listen_port::listen_port;
pub use crate::derive::location::Location;
use crate::derive::reach::reach;
use crate::derive::{mtu, ssh, zone};
use crate::overlay::Overlay;
use crate::route::Route;
use crate::topology;
use crate::topology::settings::Settings;
pub use crate::topology::versions::Versions;
use meshwright_value::provider::{self, Provider};
use meshwright_value::{
    Arch, Endpoint, Hostname, ImageReference, InterfaceName, Keepalive, LabelKey, LabelValue, Name,
    NodeId, OpenPort, Os, Port, PublicKey, Reach, Role, SourceNet, SshHost, Subnet, Taint, Version,
};

pub use assignments::Assignments;
use assignments::{ClientAssignment, NodeAssignment};

/// Everything about one cluster.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The cluster's name.
    pub name: Name,
    /// The pinned versions, and the facts about releases.
    pub versions: Arc<Versions>,
    /// The version of Kubernetes everywhere.
    pub kubernetes_version: Version,
    /// The private subnets.
    pub network: topology::Network,
    /// The values that all WireGuard interfaces share.
    pub wireguard: WireGuardPlan,
    /// The control plane as a whole.
    pub control_plane: control_plane::ControlPlanePlan,
    /// kube-proxy, which is the same everywhere.
    pub kube_proxy: kube_proxy::KubeProxyPlan,
    /// The pod network.
    pub calico: calico::CalicoPlan,
    /// The Ingress controller, if there is one.
    pub ingress: Option<ingress::IngressPlan>,
    /// The tunnel for requests from the Internet.
    pub tunnel: Option<tunnel::TunnelPlan>,
    /// The hostname of the echo app.
    pub hello: Option<Hostname>,
    /// The image of the echo app.
    pub hello_image: ImageReference,
    /// The values that all firewalls share.
    pub firewall: firewall::FirewallPlan,
    /// The sources of images.
    pub images: topology::Images,
    /// The sources of packages.
    pub packages: topology::Packages,
    /// The nodes by id.
    pub nodes: Vec<NodePlan>,
    /// The clients by id.
    pub clients: Vec<ClientPlan>,
    /// The networks behind nodes and servers, by their addresses.
    pub networks: Vec<network::RoutedNetworkPlan>,
    /// The manifests that the user has written, in the order of their names.
    pub overlays: Vec<Overlay>,
}

/// The values that all WireGuard interfaces share.
#[derive(Debug, Clone)]
pub struct WireGuardPlan {
    /// The interface.
    pub interface: InterfaceName,
    /// The MTU and its reason.
    pub mtu: mtu::MeshMtu,
    /// Seconds between keepalives.
    pub persistent_keepalive: Keepalive,
    /// Whether each pair has a preshared key.
    pub preshared_keys: bool,
}

/// One machine of the cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodePlan {
    /// The table of the topology that it comes from.
    pub origin: Route,
    /// Its hostname and its name in Kubernetes.
    pub name: Name,
    /// Its number.
    pub id: NodeId,
    /// Whether it runs the control plane.
    pub role: Role,
    /// Its operating system.
    pub os: Os,
    /// Its processor.
    pub arch: Arch,
    /// The facts about its cloud.
    pub provider: Provider,
    /// The user that logs in.
    pub ssh_user: String,
    /// Where ssh(1) finds it, if it is not at its public endpoint.
    pub ssh_host: Option<SshHost>,
    /// The sources that may reach SSH on its public side: IPv4 first, each family in the order of
    /// the topology.
    pub ssh_from: Vec<SourceNet>,
    /// Further public ports.
    pub open_ports: Vec<OpenPort>,
    /// Its address in the mesh.
    pub address: Ipv4Addr,
    /// The address block of its pods.
    pub pod_subnet: Subnet,
    /// The networks to which it forwards.
    pub networks: Vec<Subnet>,
    /// Its public key.
    pub public_key: PublicKey,
    /// The addresses at which others reach it.
    pub location: Location,
    /// The UDP port on which it listens, and at which it is called if its endpoint has no port.
    pub listen_port: Port,
    /// The MTU between it and the Internet, in bytes.
    pub underlay_mtu: u16,
    /// The MTU of its site's network, in bytes, if it is in one.
    pub site_mtu: Option<u16>,
    /// The positions of the nodes that carry its traffic to others behind NAT, in the order in which they are used.
    pub relays: Vec<usize>,
    /// `topology.kubernetes.io/zone`: its site, else its provider, else its name.
    pub zone: String,
    /// Labels of its Node object.
    pub labels: BTreeMap<LabelKey, LabelValue>,
    /// Taints of its Node object; `None` leaves them to kubeadm.
    pub taints: Option<Vec<Taint>>,
    /// Fields of its `KubeletConfiguration`, besides its addresses.
    pub kubelet: Settings,
}

impl NodePlan {
    /// Whether others can call it from anywhere.
    #[must_use]
    pub fn is_public(&self) -> bool {
        self.location.endpoints.is_some()
    }

    /// Whether it runs the control plane.
    #[must_use]
    pub fn is_control_plane(&self) -> bool {
        self.role == Role::ControlPlane
    }
}

/// A device outside the cluster, such as a laptop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientPlan {
    /// The table of the topology that it comes from.
    pub origin: Route,
    /// Its name.
    pub name: Name,
    /// Its number.
    pub id: NodeId,
    /// Its address in the mesh.
    pub address: Ipv4Addr,
    /// The networks to which it forwards: none for a client that calls.
    pub networks: Vec<Subnet>,
    /// Its public key.
    pub public_key: PublicKey,
    /// The position of the node that forwards its packets to nodes that it cannot reach directly.
    pub via: usize,
    /// The destinations that it may reach.
    pub reach: Vec<Reach>,
    /// The addresses at which nodes call it; none for a client that calls.
    pub location: Location,
    /// The UDP port on which it listens; none for a client that calls.
    pub listen_port: Option<Port>,
}

impl ClientPlan {
    /// Whether nodes and pods call it: it is a server outside the cluster.
    #[must_use]
    pub fn is_server(&self) -> bool {
        self.location.endpoints.is_some()
    }
}

impl Plan {
    /// Derives the plan of a topology from its assignments.
    #[must_use]
    pub fn derive(assignments: &Assignments<'_>) -> Self {
        let Assignments { topology, init, ref mtu, .. } = *assignments;
        let nodes: Vec<_> =
            assignments.nodes.iter().map(|node| derive_node(topology, node)).collect();
        let clients: Vec<_> =
            assignments.clients.iter().map(|client| derive_client(topology, client)).collect();
        let control_plane = control_plane::derive(topology, &nodes, init);
        let versions = derive::versions::versions(topology);
        let ingress = ingress::derive(topology, &versions, &nodes);
        let wireguard = WireGuardPlan {
            interface: topology.wireguard.interface.clone(),
            mtu: mtu.clone(),
            persistent_keepalive: topology.wireguard.persistent_keepalive,
            preshared_keys: topology.wireguard.preshared_keys,
        };
        Self {
            name: topology.cluster.name.clone(),
            kubernetes_version: topology.cluster.kubernetes_version,
            network: topology.network.clone(),
            kube_proxy: kube_proxy::derive(topology),
            calico: calico::derive(topology),
            tunnel: tunnel::derive(topology, &versions, ingress.as_ref()),
            hello: topology.hello.as_ref().map(|hello| hello.hostname.clone()),
            hello_image: versions.whoami.image.clone(),
            ingress,
            firewall: firewall::derive(topology, &nodes, &clients),
            images: topology.images.clone(),
            packages: topology.packages.clone(),
            wireguard,
            control_plane,
            nodes,
            clients,
            networks: network::derive(topology),
            versions,
            overlays: Vec::new(),
        }
    }

    /// The address of cluster DNS: kubeadm gives it the tenth of the service subnet
    /// (`GetDNSIP` in kubeadm's constants).
    #[must_use]
    pub fn dns_address(&self) -> Ipv4Addr {
        Ipv4Addr::from(u32::from(self.network.service_subnet.network()) + 10)
    }

    /// The node that initialises the cluster.
    #[must_use]
    pub fn init_node(&self) -> &NodePlan {
        &self.nodes[self.control_plane.init]
    }
}

fn derive_node(topology: &topology::Topology, assignment: &NodeAssignment<'_>) -> NodePlan {
    let NodeAssignment { node, address, pod_subnet, public_key, ref relays } = *assignment;
    // The order of the sets in the firewall: one set per family.
    let mut ssh_from = ssh::ssh_from(topology, node).to_vec();
    ssh_from.sort_by_key(|source| !source.is_ipv4());
    NodePlan {
        origin: node.origin.clone(),
        name: node.name.clone(),
        id: node.id,
        role: node.role,
        os: node.os,
        arch: node.arch,
        provider: provider::facts(node.provider),
        ssh_user: ssh::user(node).to_owned(),
        ssh_host: node.ssh_host.clone(),
        ssh_from,
        open_ports: node.open_ports.clone(),
        address,
        pod_subnet,
        networks: network::behind(topology, &node.name),
        public_key,
        location: Location::from_node(node),
        listen_port: listen_port(topology, node),
        underlay_mtu: mtu::underlay(node),
        site_mtu: site_mtu(topology, node),
        relays: relays.clone(),
        zone: zone::node_zone(node),
        labels: node.labels.clone(),
        taints: node.taints.clone(),
        kubelet: settings::kubelet(topology, node),
    }
}

fn site_mtu(topology: &topology::Topology, node: &topology::Node) -> Option<u16> {
    let name = node.site.as_ref()?;
    let site = topology.sites.iter().find(|site| site.name == *name)?;
    Some(mtu::of_site(topology, site))
}

fn derive_client(topology: &topology::Topology, assignment: &ClientAssignment<'_>) -> ClientPlan {
    let ClientAssignment { client, address, public_key, via } = *assignment;
    let location = Location::from_client(client);
    let called_port = location.common_endpoint().map(Endpoint::port);
    ClientPlan {
        origin: client.origin.clone(),
        name: client.name.clone(),
        id: client.id,
        address,
        networks: network::behind(topology, &client.name),
        public_key,
        via,
        reach: reach(client).to_vec(),
        listen_port: called_port.map(|port| port.unwrap_or(topology.wireguard.listen_port)),
        location,
    }
}
