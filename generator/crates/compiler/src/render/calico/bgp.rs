//! BGP: the sessions between the nodes, and the permission of calico-node to read their password.

use std::net::Ipv4Addr;

use serde::Serialize;

use crate::derive::label::ROUTE_REFLECTOR_LABEL;
use crate::encode::yaml::YamlFile;
use crate::kubernetes::manifest::{Manifest, ObjectMeta};
use crate::kubernetes::rbac::{self, Binding, RoleRef};
use crate::plan::calico::{BGP_SECRET, BGP_SECRET_KEY, CalicoPlan, NAMESPACE};
use crate::render::calico::{DEFAULT, PROJECT_CALICO, object};
use meshwright_value::AsNumber;

/// Calico's API is served only after calico-node's first start, and BIRD binds once (observed with Calico 3.32.1, 2026-11):
/// so calico-node is restarted after this file is applied the first time.
const ABOUT_BGP: &str = "\
BIRD listens on the mesh address only; it reads bindMode only when it starts, so after a change:

  kubectl -n calico-system rollout restart ds/calico-node";

/// The annotation removes a node from the full mesh at once (observed with Calico 3.32.1, 2026-11). The script takes the
/// first document alone before it.
const ABOUT_REFLECTORS: &str = "\
apply.sh labels the route reflectors, applies the BGPPeer, annotates them, and disables the full mesh
last, when one of them is Ready.";

pub(super) fn file(calico: &CalicoPlan) -> Vec<u8> {
    let configuration = object(PROJECT_CALICO, "BGPConfiguration", DEFAULT, BgpSpec::of(calico));
    if calico.route_reflectors.is_empty() {
        return YamlFile::new(ABOUT_BGP).document(&configuration).finish();
    }
    let about = format!("{ABOUT_BGP}\n\n{ABOUT_REFLECTORS}");
    let peer = object(PROJECT_CALICO, "BGPPeer", "route-reflectors", BgpPeerSpec::of(calico));
    YamlFile::new(&about).document(&peer).document(&configuration).finish()
}

/// Configures a route reflector. kubelet cannot set annotations of its Node.
pub(crate) const CLUSTER_ID_ANNOTATION: &str = "projectcalico.org/RouteReflectorClusterID";

/// One id for all reflectors: a route that one has reflected is dropped by another (RFC 4456 §8). From a
/// reserved range that no host uses (RFC 1112 §4), as in Calico's guide.
pub(crate) const CLUSTER_ID: Ipv4Addr = Ipv4Addr::new(244, 0, 0, 1);

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct BgpSpec {
    as_number: AsNumber,
    node_to_node_mesh_enabled: bool,
    /// The default listens on every address, the public ones too.
    bind_mode: &'static str,
    listen_port: u16,
    log_severity_screen: &'static str,
    /// Refused by the schema without the mesh.
    #[serde(skip_serializing_if = "Option::is_none")]
    node_mesh_password: Option<BgpPassword>,
}

impl BgpSpec {
    fn of(calico: &CalicoPlan) -> Self {
        let full_mesh = calico.route_reflectors.is_empty();
        Self {
            as_number: calico.as_number,
            node_to_node_mesh_enabled: full_mesh,
            bind_mode: "NodeIP",
            listen_port: 179,
            log_severity_screen: "Info",
            node_mesh_password: password(calico).filter(|_| full_mesh),
        }
    }
}

/// Every node beside every reflector, reflectors among themselves too. No `asNumber`: the schema
/// refuses it beside `peerSelector`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct BgpPeerSpec {
    node_selector: &'static str,
    peer_selector: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    password: Option<BgpPassword>,
}

impl BgpPeerSpec {
    fn of(calico: &CalicoPlan) -> Self {
        Self {
            node_selector: "all()",
            peer_selector: format!("{ROUTE_REFLECTOR_LABEL} == 'true'"),
            password: password(calico),
        }
    }
}

/// The password of calico-node's sessions (TCP MD5). WireGuard authenticates nodes; the password
/// prevents that a pod poses as a node.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct BgpPassword {
    secret_key_ref: SecretKeyRef,
}

#[derive(Serialize)]
struct SecretKeyRef {
    name: &'static str,
    key: &'static str,
}

fn password(calico: &CalicoPlan) -> Option<BgpPassword> {
    let secret_key_ref = SecretKeyRef { name: BGP_SECRET, key: BGP_SECRET_KEY };
    calico.bgp_password.then_some(BgpPassword { secret_key_ref })
}

/// calico-node watches the Secret through the API (confd's `secret_watcher.go`), and the operator
/// does not grant it.
pub(super) fn password_rbac_file() -> Vec<u8> {
    let metadata = || ObjectMeta::namespaced(BGP_SECRET, NAMESPACE);
    let rule = RbacPolicyRule {
        api_groups: [""],
        resources: ["secrets"],
        resource_names: [BGP_SECRET],
        verbs: ["get", "list", "watch"],
    };
    let binding = Binding {
        metadata: metadata(),
        role_ref: RoleRef::new("Role", BGP_SECRET),
        subjects: [RbacServiceAccount {
            kind: "ServiceAccount",
            name: "calico-node",
            namespace: NAMESPACE,
        }],
    };
    let role = RbacRole { metadata: metadata(), rules: [rule] };
    YamlFile::new("calico-node reads the password of its BGP sessions, and no other Secret")
        .document(&Manifest { api_version: rbac::API_VERSION, kind: "Role", fields: role })
        .document(&Manifest {
            api_version: rbac::API_VERSION,
            kind: "RoleBinding",
            fields: binding,
        })
        .finish()
}

#[derive(Serialize)]
struct RbacRole {
    metadata: ObjectMeta<'static>,
    rules: [RbacPolicyRule; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RbacPolicyRule {
    api_groups: [&'static str; 1],
    resources: [&'static str; 1],
    resource_names: [&'static str; 1],
    verbs: [&'static str; 3],
}

#[derive(Serialize)]
struct RbacServiceAccount {
    kind: &'static str,
    name: &'static str,
    namespace: &'static str,
}
