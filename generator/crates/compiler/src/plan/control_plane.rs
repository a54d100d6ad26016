//! The control plane: the node that initialises it, the name of the API, and etcd's timings.

use std::net::Ipv4Addr;

use crate::derive::api_endpoint;
use crate::derive::etcd::EtcdTimings;
use crate::plan::hardening::{self, ApiServerFile};
use crate::plan::settings::ComponentArguments;
use crate::plan::{NodePlan, Plan};
use crate::topology::Topology;
use meshwright_value::{ApiEndpoint, CertificateName, SnapshotCount};

/// The port of the API server on every control plane.
pub const API_PORT: u16 = ApiEndpoint::PORT.get();

/// The control plane as a whole.
#[derive(Debug, Clone)]
pub struct ControlPlanePlan {
    /// The position of the node that initialises the cluster.
    pub init: usize,
    /// The API's name and port. Always a name: changing `controlPlaneEndpoint` later
    /// is not supported (kubeadm#1955).
    pub endpoint: ApiEndpoint,
    /// The mesh addresses of all control planes, by id.
    pub addresses: Vec<Ipv4Addr>,
    /// etcd's timings; etcd's own defaults when `None`.
    pub etcd: Option<EtcdTimings>,
    /// Whether the init node applies the cluster's manifests when its API is up.
    pub applies_manifests: bool,
    /// The number of snapshots of etcd that each control plane keeps.
    pub kept_snapshots: SnapshotCount,
    /// More names and addresses for the API server's certificate.
    pub further_names: Vec<CertificateName>,
    /// The arguments of its programs.
    pub arguments: ComponentArguments,
    /// The files that these name.
    pub api_server_files: Vec<ApiServerFile>,
    /// Whether the API servers encrypt the Secrets that they write. They read encrypted ones in any case.
    pub encrypts_secrets: bool,
}

impl ControlPlanePlan {
    /// The names that the API server's certificate must have in addition to kubeadm's own, each once. All
    /// control planes from the start: to add one later, the certificate must be generated again
    /// (kubeadm#1447).
    #[must_use]
    pub fn cert_sans(&self) -> Vec<String> {
        let mut names = vec![self.endpoint.name().to_string()];
        let addresses = self.addresses.iter().map(Ipv4Addr::to_string);
        for name in addresses.chain(self.further_names.iter().map(ToString::to_string)) {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        names
    }

    /// Whether each node has a load balancer for the API servers.
    #[must_use]
    pub fn is_highly_available(&self) -> bool {
        self.addresses.len() > 1
    }
}

impl Plan {
    /// Checks of kubeadm that would fail on this node without a fault: the check of the API server's
    /// port fails because the load balancer has it on loopback. It tests all addresses, unless
    /// ClusterConfiguration's `extraArgs` contain a `bind-address` (`InitNodeChecks` in kubeadm's
    /// `preflight/checks.go`, 1.37.2); those are the whole cluster's, and each API server has an
    /// address of its own, which its patch sets.
    #[must_use]
    pub fn ignored_preflight_errors(&self, node: &NodePlan) -> Vec<String> {
        let shares_port = node.is_control_plane() && self.control_plane.is_highly_available();
        let check = shares_port.then(|| format!("Port-{API_PORT}"));
        check.into_iter().collect()
    }
}

/// Derives the control plane; `nodes` are in the order of their ids.
pub(super) fn derive(topology: &Topology, nodes: &[NodePlan], init: usize) -> ControlPlanePlan {
    let control_planes = nodes.iter().filter(|node| node.is_control_plane());
    let round_trip = topology.control_plane.round_trip_ms;
    let arguments = ComponentArguments::derive(&topology.hardening, &topology.kubeadm);
    let is_named = |file: &ApiServerFile| hardening::is_named(*file, &arguments.api_server);
    ControlPlanePlan {
        init,
        endpoint: api_endpoint::derive(topology),
        addresses: control_planes.map(|node| node.address).collect(),
        etcd: round_trip.map(|round_trip| EtcdTimings::for_round_trip(round_trip.get().into())),
        applies_manifests: topology.bootstrap.apply,
        kept_snapshots: topology.backup.keep,
        further_names: topology.kubeadm.cert_sans.clone(),
        api_server_files: ApiServerFile::ALL.into_iter().filter(is_named).collect(),
        encrypts_secrets: topology.hardening.encrypt_secrets,
        arguments,
    }
}
