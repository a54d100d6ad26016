//! Files that depend on few facts: `meshwright prove` compares them with this text, for the facts that the
//! other files of a tree state. No plan is needed.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use crate::artifact::ArtifactSet;
pub use crate::plan::packages::{AptPackages, AptRepository};
use crate::render::{access, apply, calico, coredns, host_files, node_env};
use meshwright_value::{Arch, IngressController, Os, ProxyMode, Role, Scheduler, Version};

/// The facts of a cluster.
pub struct FixedFacts<'a> {
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
    /// The scheduler of IPVS.
    pub scheduler: Scheduler,
    /// Whether it applies the cluster's manifests.
    pub applies_manifests: bool,
    /// The port of sshd.
    pub ssh_port: u16,
    /// Whether anyone may use SSH.
    pub ssh_admitted: bool,
    /// `user@host` of the delivery.
    pub ssh_target: &'a str,
    /// The mirrors of each registry.
    pub mirrors: &'a BTreeMap<String, Vec<String>>,
    /// Its package repositories.
    pub packages: Option<AptPackages>,
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
    for node in &facts.nodes {
        node_env::render_fixed(facts, node, &mut artifacts);
    }
    artifacts
}
