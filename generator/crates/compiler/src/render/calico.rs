//! Calico's objects: one pool a node, BGP over the mesh, no encapsulation.
//!
//! `operator.tigera.io/v1` and `projectcalico.org/v3`, never `crd.projectcalico.org/v1`, which is
//! the backing store and skips all validation. Fields that are not set here keep Calico's default.

mod bgp;
mod installation;
mod metadata;
mod policy;

pub(super) use bgp::{CLUSTER_ID, CLUSTER_ID_ANNOTATION};

use std::borrow::Cow;

use serde::Serialize;

use crate::artifact::ArtifactSet;
use crate::encode::yaml::YamlFile;
use crate::kubernetes::manifest::{Manifest, ObjectFields, ObjectMeta};
use crate::plan::Plan;
use crate::render::objects::ObjectValues;
use crate::render::{ClusterRenderer, Output};

/// Calico's objects.
pub(super) const RENDERER: ClusterRenderer = ClusterRenderer {
    id: "calico",
    outputs: &[
        INSTALLATION,
        IP_POOLS,
        IPAM,
        BGP,
        BGP_PASSWORD_RBAC,
        FELIX,
        METADATA_POLICY,
        POD_ANNOTATIONS_POLICY,
    ],
    render,
};

const INSTALLATION: Output = Output {
    path: "cluster/calico/installation.yaml",
    consumer: "kubectl apply, when Calico's operator runs",
};
const IP_POOLS: Output = Output {
    path: "cluster/calico/ip-pools.yaml",
    consumer: "kubectl apply, when Calico's API server runs",
};
const IPAM: Output = Output {
    path: "cluster/calico/ipam.yaml",
    consumer: "kubectl apply, when Calico's API server runs",
};
const BGP: Output = Output {
    path: "cluster/calico/bgp.yaml",
    consumer: "kubectl apply, when Calico's API server runs",
};
const BGP_PASSWORD_RBAC: Output = Output {
    path: "cluster/calico/bgp-password.rbac.yaml",
    consumer: "kubectl apply, when the namespace calico-system exists",
};
const FELIX: Output = Output {
    path: "cluster/calico/felix.yaml",
    consumer: "kubectl apply, when Calico's API server runs",
};
const METADATA_POLICY: Output = Output {
    path: "cluster/calico/metadata.policy.yaml",
    consumer: "kubectl apply, when Calico's API server runs",
};
const POD_ANNOTATIONS_POLICY: Output = Output {
    path: "cluster/calico/pod-annotations.policy.yaml",
    consumer: "kubectl apply, before anything else",
};

const PROJECT_CALICO: &str = "projectcalico.org/v3";

/// The name of every object of which Calico has only one.
const DEFAULT: &str = "default";

/// The files for Calico's API in the order of their application, without [`BGP`], which is applied
/// last: it replaces the pods that have started without it.
pub(super) fn objects(further_pools: bool) -> Vec<&'static str> {
    let further = further_pools.then_some(IP_POOLS.path);
    further.into_iter().chain([IPAM.path, FELIX.path, METADATA_POLICY.path]).collect()
}

fn render(plan: &Plan, artifacts: &mut ArtifactSet) {
    render_objects(&ObjectValues::of(plan), artifacts);
    render_fixed(plan.calico.bgp_password, artifacts);
}

/// The files whose objects depend on the cluster.
pub(super) fn render_objects(values: &ObjectValues<'_>, artifacts: &mut ArtifactSet) {
    artifacts.add(INSTALLATION.path, installation::file(values));
    if !values.further_pools.is_empty() {
        artifacts.add(IP_POOLS.path, installation::ip_pools_file(&values.further_pools));
    }
    artifacts.add(IPAM.path, ipam_file());
    artifacts.add(BGP.path, bgp::file(values.calico));
    artifacts.add(FELIX.path, felix_file(&values.interface_pattern));
    artifacts.add(METADATA_POLICY.path, metadata::file(&values.host_services));
}

/// The files that are the same for every cluster that has them.
pub(super) fn render_fixed(bgp_password: bool, artifacts: &mut ArtifactSet) {
    if bgp_password {
        artifacts.add(BGP_PASSWORD_RBAC.path, bgp::password_rbac_file());
    }
    artifacts.add(POD_ANNOTATIONS_POLICY.path, policy::file());
}

fn object<'a, Spec>(
    api_version: &'static str,
    kind: &'static str,
    name: impl Into<Cow<'a, str>>,
    spec: Spec,
) -> Manifest<ObjectFields<'a, Spec>> {
    let fields = ObjectFields { metadata: ObjectMeta::cluster(name), spec };
    Manifest { api_version, kind, fields }
}

fn ipam_file() -> Vec<u8> {
    let spec =
        IpamSpec { strict_affinity: true, auto_allocate_blocks: true, max_blocks_per_host: 0 };
    YamlFile::new("no node takes addresses of another node's block")
        .document(&object(PROJECT_CALICO, "IPAMConfiguration", DEFAULT, spec))
        .finish()
}

/// Both booleans are required by the schema.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct IpamSpec {
    strict_affinity: bool,
    auto_allocate_blocks: bool,
    /// 0 is Calico's default; a node has as many blocks as pools.
    max_blocks_per_host: u32,
}

fn felix_file(interface_pattern: &str) -> Vec<u8> {
    let spec = FelixSpec {
        mtu_iface_pattern: interface_pattern,
        nat_outgoing_exclusions: "IPPoolsAndHostIPs",
    };
    YamlFile::new("the operator writes to this object too: only these keys are ours")
        .document(&object(PROJECT_CALICO, "FelixConfiguration", DEFAULT, spec))
        .finish()
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct FelixSpec<'a> {
    /// The default does not match WireGuard's interface (felix/config/config_params.go).
    mtu_iface_pattern: &'a str,
    /// Pods use their own address to nodes; with the node's address they could speak BGP to its peers.
    nat_outgoing_exclusions: &'static str,
}
