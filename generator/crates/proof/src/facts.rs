//! The facts that files of fixed families must agree with: each was read from a modelled file, or is stated
//! by the fixed file alone.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use serde::Deserialize;

use crate::span::FileId;
use meshwright_value::{Arch, IngressController, Os, ProxyMode, Role, Scheduler, Version};

/// The facts of a tree.
#[derive(Debug)]
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
}

/// The facts of one node.
#[derive(Debug)]
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
    /// What `node.json` states.
    pub host: HostFacts,
    /// What `node.env` alone states.
    pub env: NodeEnv,
}

/// What `node.env` alone states.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeEnv {
    /// `user@host` in the command that a message of the host shows.
    pub ssh_target: String,
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
    /// The port of sshd.
    pub ssh_port: u16,
    /// Whether the public side admits SSH.
    pub ssh_from_outside: bool,
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
