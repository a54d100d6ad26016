//! Files that depend on few facts: `meshwright prove` compares them with this text, for the facts that the
//! other files of a tree state. No plan is needed.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use ipnet::IpNet;

use crate::artifact::ArtifactSet;
pub use crate::plan::Versions;
use crate::plan::calico::{CalicoPlan, anchored};
use crate::plan::ingress::{IngressPlan, IngressWorkload};
use crate::plan::kube_proxy::KubeProxyPlan;
pub use crate::plan::packages::{AptPackages, AptRepository};
use crate::plan::tunnel::{self, TunnelPlan};
pub use crate::plan::tunnel::{ConnectorPlan, ServedName};
use crate::render::objects::{ObjectValues, PoolValues};
use crate::render::{
    access, api_server, apply, calico, cloudflared, coredns, hello, host_files, ingress_nginx,
    kube_proxy, nftables, node_env, traefik,
};
use meshwright_value::{
    Arch, AsNumber, Dataplane, DnsName, Hostname, ImageReference, IngressController, Name,
    OpenPort, OriginPods, Os, ProxyMode, Replicas, Role, Scheduler, Subnet, TcpTimeout, Text as _,
    TunnelId, TunnelMode, Version,
};

/// The facts of a cluster.
pub struct FixedFacts<'a> {
    /// The pinned versions.
    pub versions: &'a Versions,
    /// WireGuard's interface.
    pub interface: &'a str,
    /// The cluster's name.
    pub cluster: &'a str,
    /// The version of Kubernetes.
    pub kubernetes_version: Version,
    /// The registry of Kubernetes' images, if it is not the default.
    pub image_repository: Option<&'a str>,
    /// The API's name.
    pub api_name: &'a str,
    /// The files that the API servers read, by name.
    pub api_server_files: Vec<&'a str>,
    /// kube-proxy's mode.
    pub proxy_mode: ProxyMode,
    /// The nodes, by id.
    pub nodes: Vec<FixedNode<'a>>,
    /// The names of the route reflectors.
    pub reflectors: Vec<&'a str>,
    /// Whether BGP sessions have a password.
    pub bgp_password: bool,
    /// Whether there are pools that do not fit into the Installation.
    pub further_pools: bool,
    /// Whether there are clients.
    pub clients: bool,
    /// Whether there is a tunnel.
    pub tunnel: bool,
    /// Whether there is the echo app.
    pub hello: bool,
    /// The facts of the objects below `cluster/`.
    pub objects: FixedObjects<'a>,
    /// The Ingress controller.
    pub ingress: IngressController,
    /// The external files.
    pub sources: Vec<FixedSource<'a>>,
}

impl FixedFacts<'_> {
    /// The control planes.
    pub(super) fn control_planes(&self) -> impl Iterator<Item = &FixedNode<'_>> {
        self.nodes.iter().filter(|node| node.role == Role::ControlPlane)
    }

    /// The address that each node has for the API's name: of the only control plane, or of the load
    /// balancer on the node itself.
    pub(super) fn api_address(&self) -> Ipv4Addr {
        let founder = self.nodes.iter().find(|node| node.initialises);
        match (self.control_planes().count(), founder) {
            (0 | 1, Some(founder)) => founder.address,
            _ => Ipv4Addr::LOCALHOST,
        }
    }
}

/// The facts of one node.
pub struct FixedNode<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its role.
    pub role: Role,
    /// Whether it initialises the cluster.
    pub initialises: bool,
    /// Its address in the mesh.
    pub address: Ipv4Addr,
    /// The length of the prefix of its interface.
    pub prefix_len: u8,
    /// The MTU of its interface, in bytes.
    pub mtu: u16,
    /// Its operating system.
    pub os: Os,
    /// Its processor.
    pub arch: Arch,
    /// Its labels, `key=value`.
    pub labels: &'a [String],
    /// Its taints in the form of kubectl; `None` leaves them to kubeadm.
    pub taints: Option<&'a [String]>,
    /// The scheduler of IPVS.
    pub scheduler: Scheduler,
    /// Whether it applies the cluster's manifests.
    pub applies_manifests: bool,
    /// The number of snapshots of etcd that it keeps; none on a worker.
    pub kept_snapshots: Option<u16>,
    /// The port of sshd.
    pub ssh_port: u16,
    /// The sources of SSH on the public side.
    pub ssh_from: &'a [IpNet],
    /// Further public ports.
    pub open_ports: &'a [OpenPort],
    /// WireGuard's port.
    pub listen_port: u16,
    /// The networks behind other machines.
    pub networks_elsewhere: Vec<Subnet>,
    /// Whether only root reaches its volumes over the network.
    pub volumes_for_root: bool,
    /// Whether anyone may use SSH.
    pub ssh_admitted: bool,
    /// The user of the delivery.
    pub ssh_user: &'a str,
    /// The host of the delivery.
    pub ssh_host: &'a str,
    /// The mirrors of each registry.
    pub mirrors: &'a BTreeMap<String, Vec<String>>,
    /// Its package repositories.
    pub packages: Option<AptPackages>,
}

/// The facts of the objects below `cluster/`, besides those that other files have too.
pub struct FixedObjects<'a> {
    /// The subnet of pods.
    pub pod_subnet: Subnet,
    /// The subnet of nodes and clients.
    pub node_subnet: Subnet,
    /// The subnet of Services.
    pub service_subnet: Subnet,
    /// The DNS domain of Services.
    pub dns_domain: DnsName,
    /// The AS of all nodes.
    pub as_number: AsNumber,
    /// The dataplane of Calico.
    pub dataplane: Dataplane,
    /// The MTU of pods, in bytes.
    pub pod_mtu: u16,
    /// The scheduler of IPVS.
    pub scheduler: Scheduler,
    /// Seconds after which IPVS forgets an idle TCP connection.
    pub tcp_timeout: Option<TcpTimeout>,
    /// The pools in the Installation.
    pub pools: Vec<FixedPool<'a>>,
    /// The pools that are separate objects.
    pub further_pools: Vec<FixedPool<'a>>,
    /// The addresses at which clouds answer their hosts, and not pods.
    pub host_services: Vec<Subnet>,
    /// The number of replicas of the Ingress controller.
    pub replicas: Replicas,
    /// The image of the Ingress controller; none is that of this release.
    pub image: Option<ImageReference>,
    /// The addresses of the API servers, if they call a webhook of the controller.
    pub webhook_callers: Vec<Ipv4Addr>,
    /// The tunnel.
    pub tunnel: Option<FixedTunnel>,
    /// The hostname of the echo app.
    pub hello: Option<Hostname>,
}

/// One pool.
pub struct FixedPool<'a> {
    /// Its node.
    pub node: &'a str,
    /// Its addresses.
    pub subnet: Subnet,
}

impl FixedPool<'_> {
    const fn values(&self) -> PoolValues<'_> {
        PoolValues { node: self.node, subnet: self.subnet }
    }
}

/// A tunnel.
pub struct FixedTunnel {
    /// Its UUID.
    pub id: TunnelId,
    /// The place of its rules.
    pub mode: TunnelMode,
    /// The connectors.
    pub connectors: ConnectorPlan,
    /// The names that it serves.
    pub names: Vec<ServedName>,
    /// The pods behind origins of the user's own.
    pub origin_pods: BTreeSet<OriginPods>,
}

/// One external file, as the script names it.
pub struct FixedSource<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its version.
    pub version: &'a str,
    /// Its URL or path.
    pub url: &'a str,
    /// Its checksum, or where it is.
    pub checksum: &'a str,
}

/// The files for these facts. Files that other facts decide too are not among them, or are incomplete:
/// `guards.routes` and `hosts`.
#[must_use]
pub fn files(facts: &FixedFacts<'_>) -> ArtifactSet {
    let mut artifacts = ArtifactSet::default();
    host_files::render_fixed(facts, &mut artifacts);
    apply::render_fixed(facts, &mut artifacts);
    coredns::render_for(facts.kubernetes_version, &mut artifacts);
    calico::render_fixed(facts.bgp_password, &mut artifacts);
    if facts.clients {
        access::render_fixed(&mut artifacts);
    }
    api_server::render_fixed(facts, &mut artifacts);
    for node in &facts.nodes {
        node_env::render_fixed(facts, node, &mut artifacts);
        nftables::render_fixed(facts, node, &mut artifacts);
    }
    render_objects(facts, &mut artifacts);
    artifacts
}

/// The objects.
fn render_objects(facts: &FixedFacts<'_>, artifacts: &mut ArtifactSet) {
    let objects = &facts.objects;
    let (version, controller) = (facts.kubernetes_version, facts.ingress);
    let gated = facts.versions.kubernetes.ipvs_gated.line;
    let reflectors = facts.reflectors.iter().filter_map(|name| Name::parse(name).ok());
    let calico = CalicoPlan {
        version: Version::new(0, 0, 0),
        dataplane: objects.dataplane,
        as_number: objects.as_number,
        bgp_password: facts.bgp_password,
        route_reflectors: reflectors.collect(),
    };
    let kube_proxy = KubeProxyPlan {
        tcp_timeout: objects.tcp_timeout,
        ..KubeProxyPlan::new(
            facts.proxy_mode,
            objects.scheduler,
            (version, gated),
            objects.node_subnet,
        )
    };
    let status_address = objects.tunnel.as_ref().map(|tunnel| tunnel::address(&tunnel.id));
    let callers = objects.webhook_callers.clone();
    let ingress = IngressPlan::new(
        facts.versions,
        controller,
        objects.replicas,
        objects.image.clone(),
        version,
        callers,
    )
    .map(|plan| IngressPlan { status_address, ..plan });
    let origin = IngressWorkload::of(controller).map(|workload| (workload, &objects.dns_domain));
    let tunnel = objects.tunnel.as_ref().zip(origin).map(|(tunnel, origin)| {
        let FixedTunnel { id, mode, connectors, names, origin_pods } = tunnel;
        let served = (names.clone(), origin_pods.clone());
        let image = facts.versions.cloudflared.image.clone();
        TunnelPlan::new(id.clone(), *mode, (image, *connectors), served, origin)
    });
    let values = ObjectValues {
        versions: facts.versions,
        interface_pattern: anchored(facts.interface),
        pod_mtu: objects.pod_mtu,
        pod_subnet: objects.pod_subnet,
        node_subnet: objects.node_subnet,
        pools: objects.pools.iter().map(FixedPool::values).collect(),
        further_pools: objects.further_pools.iter().map(FixedPool::values).collect(),
        host_services: objects.host_services.clone(),
        calico: &calico,
        kube_proxy: &kube_proxy,
        ingress: ingress.as_ref(),
        tunnel: tunnel.as_ref(),
        hello: objects.hello.as_ref().map(|name| (name, &facts.versions.whoami.image)),
    };
    let renderers = [
        calico::render_objects,
        cloudflared::render_objects,
        hello::render_objects,
        ingress_nginx::render_objects,
        kube_proxy::render_objects,
        traefik::render_objects,
    ];
    for render in renderers {
        render(&values, artifacts);
    }
}
