//! The facts that files of fixed families must agree with: each was read from a modelled file, or is stated
//! by the fixed file alone.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use ipnet::{IpNet, Ipv4Net};
use serde::Deserialize;

use crate::span::{FileId, FileSpanned, LineSpanned};
use meshwright_value::{
    Arch, Dataplane, IngressController, OpenPort, OriginPods, OriginRequest, OriginService, Os,
    ProxyMode, Role, Scheduler, Subnet, TcpTimeout, TunnelProtocol, Version,
};

/// The facts of a tree.
#[derive(Debug, Clone)]
pub struct TreeFacts {
    /// WireGuard's interface.
    pub interface: String,
    /// The cluster's name (`kubeadm.yaml` of the init node).
    pub cluster: String,
    /// The version of Kubernetes (the same file).
    pub kubernetes_version: Version,
    /// The registry of Kubernetes' images, if it is not the default (the same file).
    pub image_repository: Option<String>,
    /// The API's name and port (the same file).
    pub endpoint: String,
    /// The files in the folder of the API server that its arguments name (the same file).
    pub api_server_files: Vec<String>,
    /// kube-proxy's mode (`kube-proxy.patch.yaml`).
    pub proxy_mode: ProxyMode,
    /// The file with the cluster's settings.
    pub source: FileId,
    /// The nodes, in the order of `hosts`.
    pub nodes: Vec<NodeFacts>,
    /// The nodes that are route reflectors, by name (labels in `kubeadm.yaml`).
    pub reflectors: Vec<String>,
    /// Whether BGP sessions have a password (`bgp.yaml`).
    pub bgp_password: bool,
    /// Whether there is `ip-pools.yaml`.
    pub further_pools: bool,
    /// Whether there are clients.
    pub clients: bool,
    /// Whether there is a tunnel.
    pub tunnel: bool,
    /// Whether there is the echo app.
    pub hello: bool,
    /// The Ingress controller, by its folder.
    pub ingress: IngressController,
    /// The external files that `apply.sh` alone states.
    pub sources: Vec<ExternalSource>,
    /// The facts of the objects below `cluster/`.
    pub objects: ObjectFacts,
}

/// The facts of the objects below `cluster/`, besides those that other files have too.
#[derive(Debug, Clone)]
pub struct ObjectFacts {
    /// The subnet of pods (`kubeadm.yaml` of the init node).
    pub pod_subnet: Ipv4Net,
    /// The subnet of nodes and clients (`<interface>.conf` of the init node).
    pub node_subnet: Ipv4Net,
    /// The subnet of Services (`kubeadm.yaml` of the init node).
    pub service_subnet: Ipv4Net,
    /// The DNS domain of Services (`kubeadm.yaml` of the init node).
    pub dns_domain: String,
    /// The AS of all nodes (`bgp.yaml`).
    pub as_number: u32,
    /// Calico's dataplane (`installation.yaml`).
    pub dataplane: Dataplane,
    /// The MTU of pods, in bytes (`installation.yaml`).
    pub pod_mtu: u16,
    /// The scheduler of IPVS (`node.json` of the init node).
    pub scheduler: Scheduler,
    /// Seconds after which IPVS forgets an idle TCP connection (`kube-proxy.patch.yaml`).
    pub tcp_timeout: Option<TcpTimeout>,
    /// The pools of `installation.yaml`.
    pub pools: Vec<PoolFacts>,
    /// The pools of `ip-pools.yaml`.
    pub further_pools: Vec<PoolFacts>,
    /// The addresses at which clouds answer their hosts, without those of the cluster's own subnets.
    pub host_services: Vec<Subnet>,
    /// The Ingress controller (`values.yaml`).
    pub controller: Option<ControllerFacts>,
    /// The tunnel.
    pub tunnel: Option<TunnelFacts>,
    /// The hostname of the echo app (its Ingress).
    pub hello: Option<String>,
}

/// One pool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PoolFacts {
    /// The node that it selects.
    pub node: String,
    /// Its addresses.
    pub net: Ipv4Net,
}

/// The facts of the Ingress controller that its values alone state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ControllerFacts {
    /// How many replicas there are.
    pub replicas: u32,
    /// Its image, as `registry/path:tag@digest`.
    pub image: String,
    /// Whether the API servers call its webhook.
    pub webhook: bool,
}

/// The facts of a tunnel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TunnelFacts {
    /// Its UUID (cloudflared's configuration; the DNS records if Cloudflare stores the rules).
    pub id: String,
    /// Whether Cloudflare stores the rules (`configuration.json`).
    pub remote: bool,
    /// How many connectors there are.
    pub replicas: u32,
    /// How they connect to the edge (cloudflared's configuration, or its arguments).
    pub protocol: TunnelProtocol,
    /// The names that it serves (the rules).
    pub names: Vec<ServedNameFacts>,
    /// The pods beside the controller's that cloudflared may connect to (its NetworkPolicy).
    pub origin_pods: BTreeSet<OriginPods>,
    /// The names with a record.
    pub records: Vec<FileSpanned<String>>,
}

/// A name that a tunnel serves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServedNameFacts {
    /// The name.
    pub hostname: FileSpanned<String>,
    /// The Service in a namespace that is not of the tree; none if the name leads elsewhere.
    pub service: Option<OriginService>,
    /// How it is called.
    pub request: OriginRequest,
}

/// The facts of one node.
#[derive(Debug, Clone)]
pub struct NodeFacts {
    /// Its name.
    pub name: String,
    /// Its role: control planes advertise an address (`kubeadm.yaml`).
    pub role: Role,
    /// Whether it initialises the cluster (`kubeadm.yaml`).
    pub initialises: bool,
    /// Its address in the mesh, and the length of the prefix (`<interface>.conf`).
    pub address: Ipv4Addr,
    /// The length of its prefix.
    pub prefix_len: u8,
    /// The MTU of its interface, in bytes (`<interface>.conf`).
    pub mtu: u16,
    /// Its labels, `key=value` (`kubeadm.yaml`).
    pub labels: Vec<String>,
    /// Its taints in the form of kubectl; none are a control plane's own (`kubeadm.yaml`).
    pub taints: Option<Vec<String>>,
    /// What `node.json` states.
    pub host: HostFacts,
    /// Its address for ssh(1): `ssh_host` or the host of its public endpoint (`node.json`), else `HOST`.
    pub ssh_host: String,
    /// The networks behind other machines (`node.json`).
    pub networks_elsewhere: Vec<Ipv4Net>,
    /// What `node.env` alone states.
    pub env: NodeEnv,
}

/// What `node.env` states: alone, or as the third of three files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeEnv {
    /// The address and prefix of the interface.
    pub address: Option<Ipv4Net>,
    /// The MTU of the interface, in bytes.
    pub mtu: Option<u16>,
    /// The words about repositories of apt, by their variables without `MESHWRIGHT_`.
    pub repositories: BTreeMap<String, LineSpanned<String>>,
    /// The user in the command that a message of the host shows.
    pub ssh_user: String,
    /// Whether a port of sshd is named: clients may use SSH, or the public side admits it.
    pub names_ssh_port: bool,
}

/// What one host installs and runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostFacts {
    /// Its operating system.
    pub os: Os,
    /// Its processor.
    pub arch: Arch,
    /// The scheduler of IPVS, in every mode of kube-proxy.
    pub scheduler: Scheduler,
    /// Whether it applies the cluster's manifests after `kubeadm init`.
    pub applies_manifests: bool,
    /// The number of snapshots of etcd that it keeps; none on a worker.
    pub kept_snapshots: Option<u16>,
    /// The port of sshd.
    pub ssh_port: u16,
    /// Where ssh(1) finds it, if it is not at its public endpoint.
    pub ssh_host: Option<String>,
    /// The sources from which the public side admits SSH.
    pub ssh_from: Vec<IpNet>,
    /// Further public ports.
    pub open_ports: Vec<OpenPort>,
    /// The UDP port of WireGuard.
    pub listen_port: u16,
    /// Whether only root reaches its volumes over the network.
    pub volumes_for_root: bool,
    /// The mirrors of each registry, in order.
    pub mirrors: BTreeMap<String, Vec<String>>,
    /// Where apt gets packages; none on NixOS.
    pub packages: Option<PackageFacts>,
}

/// The package repositories besides those of the distribution.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PackageFacts {
    /// kubelet, kubeadm and kubectl.
    pub kubernetes: RepositoryFacts,
    /// containerd.
    pub containerd: RepositoryFacts,
}

/// One repository of apt(8).
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RepositoryFacts {
    /// URL, suite and components (sources.list(5)).
    pub source: String,
    /// The URL of its key.
    pub key: String,
    /// The fingerprints of the keys that may sign it.
    pub fingerprints: Vec<String>,
    /// The version of its packages, as after `=` for apt-get(8).
    pub version: String,
}

/// One external file (`[packages.sources]` of the topology).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExternalSource {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Its URL or path.
    pub url: String,
    /// Its digest, or where the digest is.
    pub checksum: String,
}
