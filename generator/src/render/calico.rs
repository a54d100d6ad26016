//! Calico's objects: one pool a node, BGP over the mesh, no encapsulation.
//!
//! `operator.tigera.io/v1` and `projectcalico.org/v3`, never `crd.projectcalico.org/v1`, which is
//! the backing store and skips all validation. What is not named here stays Calico's default.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use serde::Serialize;

use crate::artifact::ArtifactSet;
use crate::format::manifest::{Manifest, Metadata, Object};
use crate::format::yaml;
use crate::plan::calico::{BGP_SECRET, BGP_SECRET_KEY, NAMESPACE};
use crate::plan::host::ROUTE_REFLECTOR_LABEL;
use crate::plan::{Node, Plan};
use crate::render::{ClusterRenderer, Output};
use crate::value::{AsNumber, Dataplane, Subnet};

/// Calico's objects.
pub const RENDERER: ClusterRenderer = ClusterRenderer {
    id: "calico",
    outputs: &[INSTALLATION, IP_POOLS, IPAM, BGP, BGP_PASSWORD_RBAC, FELIX, POD_ANNOTATIONS_POLICY],
    render,
};

const INSTALLATION: Output = Output {
    path: "cluster/calico/installation.yaml",
    consumer: "kubectl apply, when Calico's operator is there",
};
const IP_POOLS: Output = Output {
    path: "cluster/calico/ip-pools.yaml",
    consumer: "kubectl apply, when Calico's API server is there",
};
const IPAM: Output = Output {
    path: "cluster/calico/ipam.yaml",
    consumer: "kubectl apply, when Calico's API server is there",
};
const BGP: Output = Output {
    path: "cluster/calico/bgp.yaml",
    consumer: "kubectl apply, when Calico's API server is there",
};
const BGP_PASSWORD_RBAC: Output = Output {
    path: "cluster/calico/bgp-password.rbac.yaml",
    consumer: "kubectl apply, when the namespace calico-system is there",
};
const FELIX: Output = Output {
    path: "cluster/calico/felix.yaml",
    consumer: "kubectl apply, when Calico's API server is there",
};
const POD_ANNOTATIONS_POLICY: Output = Output {
    path: "cluster/calico/pod-annotations.policy.yaml",
    consumer: "kubectl apply, before anything else",
};

const OPERATOR: &str = "operator.tigera.io/v1";
const PROJECT_CALICO: &str = "projectcalico.org/v3";
const RBAC: &str = "rbac.authorization.k8s.io/v1";
const ADMISSION: &str = "admissionregistration.k8s.io/v1";

/// The name of every object of which Calico has only one.
const DEFAULT: &str = "default";

fn render(plan: &Plan, artifacts: &mut ArtifactSet) {
    let further: Vec<_> = plan.pools().further;
    artifacts.add(INSTALLATION.path, installation_file(plan));
    if !further.is_empty() {
        artifacts.add(IP_POOLS.path, ip_pools_file(&further));
    }
    artifacts.add(IPAM.path, ipam_file());
    artifacts.add(BGP.path, bgp_file(plan));
    if plan.calico.bgp_password {
        artifacts.add(BGP_PASSWORD_RBAC.path, bgp_password_rbac_file());
    }
    artifacts.add(FELIX.path, felix_file(plan));
    artifacts.add(POD_ANNOTATIONS_POLICY.path, pod_annotations_policy_file());
}

fn object<'a, Spec>(
    api_version: &'static str,
    kind: &'static str,
    name: impl Into<std::borrow::Cow<'a, str>>,
    spec: Spec,
) -> Manifest<Object<'a, Spec>> {
    let fields = Object { metadata: Metadata::cluster(name), spec };
    Manifest { api_version, kind, fields }
}

// --- installation.yaml

fn installation_file(plan: &Plan) -> Vec<u8> {
    let about = "one pool a node: WireGuard drops pod packets of a block that is not the sender's";
    yaml::File::new(about)
        .document(&object(OPERATOR, "Installation", DEFAULT, InstallationSpec::of(plan)))
        .document(&object(OPERATOR, "APIServer", DEFAULT, ApiServerSpec {}))
        .finish()
}

/// What serves `projectcalico.org/v3`; without this object the other files are refused.
#[derive(Serialize)]
struct ApiServerSpec {}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct InstallationSpec<'plan> {
    variant: &'static str,
    cni: Cni,
    calico_network: CalicoNetwork<'plan>,
    /// Where kube-controllers and Calico's API server run; Typha and calico-node stay everywhere
    /// (`ControlPlaneNodeSelector` in the operator's renderers).
    #[serde(skip_serializing_if = "Option::is_none")]
    control_plane_node_selector: Option<BTreeMap<&'static str, &'static str>>,
    /// `None` leaves out the CSI driver and the flex volume: only Istio's policies need them.
    kubelet_volume_plugin_path: &'static str,
    flex_volume_path: &'static str,
}

/// kubeadm labels its control planes so, without a value.
const CONTROL_PLANE_LABEL: &str = "node-role.kubernetes.io/control-plane";

impl<'plan> InstallationSpec<'plan> {
    fn of(plan: &'plan Plan) -> Self {
        let pools = plan.pools();
        // On a node without a pool Calico's API server would hang in ContainerCreating, and with
        // it the API that takes the further pools.
        let selector = BTreeMap::from([(CONTROL_PLANE_LABEL, "")]);
        Self {
            variant: "Calico",
            cni: Cni { r#type: "Calico", ipam: Ipam { r#type: "Calico" } },
            calico_network: CalicoNetwork {
                bgp: "Enabled",
                linux_dataplane: LinuxDataplane::of(plan.calico.dataplane),
                mtu: plan.wireguard.mtu.value,
                node_address_autodetection_v4: Autodetection {
                    interface: plan.wireguard.interface_pattern(),
                },
                ip_pools: pools.installation.into_iter().map(InstallationPool::of).collect(),
            },
            control_plane_node_selector: (!pools.further.is_empty()).then_some(selector),
            kubelet_volume_plugin_path: "None",
            flex_volume_path: "None",
        }
    }
}

#[derive(Serialize)]
struct Cni {
    r#type: &'static str,
    ipam: Ipam,
}

#[derive(Serialize)]
struct Ipam {
    r#type: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CalicoNetwork<'plan> {
    /// What pools without encapsulation need.
    bgp: &'static str,
    /// Always explicit: Calico's guides for kubeadm have moved to eBPF, which drops WireGuard of
    /// others (calico#12900).
    linux_dataplane: LinuxDataplane,
    /// Always explicit: Calico's own guess does not look at WireGuard and is 1500 (seen).
    mtu: u16,
    /// The one method; beside it the operator would write `firstFound` when this is absent.
    #[serde(rename = "nodeAddressAutodetectionV4")]
    node_address_autodetection_v4: Autodetection,
    /// Never absent: the operator would make one IPIP pool for all nodes.
    ip_pools: Vec<InstallationPool<'plan>>,
}

#[derive(Serialize)]
enum LinuxDataplane {
    Iptables,
    Nftables,
}

impl LinuxDataplane {
    fn of(dataplane: Dataplane) -> Self {
        match dataplane {
            Dataplane::Iptables => Self::Iptables,
            Dataplane::Nftables => Self::Nftables,
        }
    }
}

#[derive(Serialize)]
struct Autodetection {
    interface: String,
}

/// A pool as the operator has it; [`IpPoolSpec`] is the same in Calico's own words.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct InstallationPool<'plan> {
    name: String,
    cidr: &'plan Subnet,
    /// The pool's own size: the node's first pod claims the whole pool, and with strict affinity
    /// no other node gets an address of it.
    block_size: u8,
    /// Not `Never`, which the schema lets through and the operator refuses.
    encapsulation: &'static str,
    nat_outgoing: &'static str,
    node_selector: String,
    allowed_uses: [&'static str; 1],
}

/// Without encapsulation no node needs a tunnel address of its pool.
const ALLOWED_USES: [&str; 1] = ["Workload"];

impl<'plan> InstallationPool<'plan> {
    fn of(node: &'plan Node) -> Self {
        Self {
            name: node.pool_name(),
            cidr: &node.pod_subnet,
            block_size: node.pod_subnet.prefix_len(),
            encapsulation: "None",
            nat_outgoing: "Enabled",
            node_selector: only_on(node),
            allowed_uses: ALLOWED_USES,
        }
    }
}

/// kubelet sets that label from the name it registers with, so it is there from the start.
fn only_on(node: &Node) -> String {
    format!("kubernetes.io/hostname == '{}'", node.name)
}

// --- ip-pools.yaml

fn ip_pools_file(nodes: &[&Node]) -> Vec<u8> {
    let about = "the pools that the Installation has no room for; the operator leaves them alone";
    let pools = nodes
        .iter()
        .map(|node| object(PROJECT_CALICO, "IPPool", node.pool_name(), IpPoolSpec::of(node)));
    pools.fold(yaml::File::new(about), |file, pool| file.document(&pool)).finish()
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct IpPoolSpec<'plan> {
    cidr: &'plan Subnet,
    /// See [`InstallationPool::block_size`].
    block_size: u8,
    ipip_mode: &'static str,
    vxlan_mode: &'static str,
    nat_outgoing: bool,
    node_selector: String,
    allowed_uses: [&'static str; 1],
}

impl<'plan> IpPoolSpec<'plan> {
    fn of(node: &'plan Node) -> Self {
        Self {
            cidr: &node.pod_subnet,
            block_size: node.pod_subnet.prefix_len(),
            ipip_mode: "Never",
            vxlan_mode: "Never",
            nat_outgoing: true,
            node_selector: only_on(node),
            allowed_uses: ALLOWED_USES,
        }
    }
}

// --- ipam.yaml

fn ipam_file() -> Vec<u8> {
    let spec =
        IpamSpec { strict_affinity: true, auto_allocate_blocks: true, max_blocks_per_host: 0 };
    yaml::File::new("no node takes addresses of another node's block")
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

// --- bgp.yaml

/// An API server that is not there yet when calico-node starts takes this file late: BIRD binds
/// once (run, calico-run.md §3).
const ABOUT_BGP: &str = "\
BIRD listens on the mesh address alone; it looks at bindMode when it starts, so after a change:

  kubectl -n calico-system rollout restart ds/calico-node";

/// The annotation takes a node out of the full mesh at once (calico.md §3), so on a running cluster
/// the peer comes first and the end of the full mesh last.
const ABOUT_REFLECTORS: &str = "\
route reflectors: on a running cluster label and annotate them one by one, drained, with the
BGPPeer applied before and the BGPConfiguration after all sessions stand:
";

fn bgp_file(plan: &Plan) -> Vec<u8> {
    let configuration = object(PROJECT_CALICO, "BGPConfiguration", DEFAULT, BgpSpec::of(plan));
    if plan.calico.route_reflectors.is_empty() {
        return yaml::File::new(ABOUT_BGP).document(&configuration).finish();
    }
    let commands = plan.calico.route_reflectors.iter().map(|node| {
        format!(
            "\n  kubectl label node {node} {ROUTE_REFLECTOR_LABEL}=true\
             \n  kubectl annotate node {node} {CLUSTER_ID_ANNOTATION}={CLUSTER_ID}"
        )
    });
    let about = format!("{ABOUT_BGP}\n\n{ABOUT_REFLECTORS}{}", commands.collect::<String>());
    let peer = object(PROJECT_CALICO, "BGPPeer", "route-reflectors", BgpPeerSpec::of(plan));
    yaml::File::new(&about).document(&peer).document(&configuration).finish()
}

/// What makes a node reflect. kubelet cannot set annotations of its Node.
const CLUSTER_ID_ANNOTATION: &str = "projectcalico.org/RouteReflectorClusterID";

/// One id for all reflectors: what one has reflected, another drops (RFC 4456 §8). From the range
/// that is on no wire (RFC 1112 §4), as in Calico's guide.
const CLUSTER_ID: Ipv4Addr = Ipv4Addr::new(244, 0, 0, 1);

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
    node_mesh_password: Option<Password>,
}

impl BgpSpec {
    fn of(plan: &Plan) -> Self {
        let full_mesh = plan.calico.route_reflectors.is_empty();
        Self {
            as_number: plan.calico.as_number,
            node_to_node_mesh_enabled: full_mesh,
            bind_mode: "NodeIP",
            listen_port: 179,
            log_severity_screen: "Info",
            node_mesh_password: password(plan).filter(|_| full_mesh),
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
    password: Option<Password>,
}

impl BgpPeerSpec {
    fn of(plan: &Plan) -> Self {
        Self {
            node_selector: "all()",
            peer_selector: format!("{ROUTE_REFLECTOR_LABEL} == 'true'"),
            password: password(plan),
        }
    }
}

/// Where calico-node finds the password of its sessions (TCP MD5). WireGuard vouches for nodes;
/// this keeps pods from posing as one.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Password {
    secret_key_ref: SecretKeyRef,
}

#[derive(Serialize)]
struct SecretKeyRef {
    name: &'static str,
    key: &'static str,
}

fn password(plan: &Plan) -> Option<Password> {
    let secret_key_ref = SecretKeyRef { name: BGP_SECRET, key: BGP_SECRET_KEY };
    plan.calico.bgp_password.then_some(Password { secret_key_ref })
}

// --- bgp-password.rbac.yaml

/// calico-node watches the Secret through the API (confd's `secret_watcher.go`), and the operator
/// does not let it.
fn bgp_password_rbac_file() -> Vec<u8> {
    let metadata = || Metadata::namespaced(BGP_SECRET, NAMESPACE);
    let rule = PolicyRule {
        api_groups: [""],
        resources: ["secrets"],
        resource_names: [BGP_SECRET],
        verbs: ["get", "list", "watch"],
    };
    let binding = RoleBinding {
        metadata: metadata(),
        role_ref: RoleRef {
            api_group: "rbac.authorization.k8s.io",
            kind: "Role",
            name: BGP_SECRET,
        },
        subjects: [Subject { kind: "ServiceAccount", name: "calico-node", namespace: NAMESPACE }],
    };
    let role = Role { metadata: metadata(), rules: [rule] };
    yaml::File::new("calico-node reads the password of its BGP sessions, and no other Secret")
        .document(&Manifest { api_version: RBAC, kind: "Role", fields: role })
        .document(&Manifest { api_version: RBAC, kind: "RoleBinding", fields: binding })
        .finish()
}

#[derive(Serialize)]
struct Role {
    metadata: Metadata<'static>,
    rules: [PolicyRule; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PolicyRule {
    api_groups: [&'static str; 1],
    resources: [&'static str; 1],
    resource_names: [&'static str; 1],
    verbs: [&'static str; 3],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RoleBinding {
    metadata: Metadata<'static>,
    role_ref: RoleRef,
    subjects: [Subject; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RoleRef {
    api_group: &'static str,
    kind: &'static str,
    name: &'static str,
}

#[derive(Serialize)]
struct Subject {
    kind: &'static str,
    name: &'static str,
    namespace: &'static str,
}

// --- felix.yaml

fn felix_file(plan: &Plan) -> Vec<u8> {
    let spec = FelixSpec {
        mtu_iface_pattern: plan.wireguard.interface_pattern(),
        nat_outgoing_exclusions: "IPPoolsAndHostIPs",
    };
    yaml::File::new("the operator writes to this object too: only these keys are ours")
        .document(&object(PROJECT_CALICO, "FelixConfiguration", DEFAULT, spec))
        .finish()
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct FelixSpec {
    /// The default does not match WireGuard's interface (felix/config/config_params.go).
    mtu_iface_pattern: String,
    /// Pods reach nodes under their own address; as the node's they could speak BGP to its peers.
    nat_outgoing_exclusions: &'static str,
}

// --- pod-annotations.policy.yaml

/// With these a pod gets an address whatever its node's pools are (`determinePools` in Calico's
/// ipam.go), of a block that WireGuard carries to another node. The wrong node may even claim and
/// advertise that block (run, calico-run.md §5). A namespace's count for its pods.
const POOL_ANNOTATIONS: &str = "[\
    'cni.projectcalico.org/floatingIPs', \
    'cni.projectcalico.org/ipAddrs', \
    'cni.projectcalico.org/ipAddrsNoIpam', \
    'cni.projectcalico.org/ipv4pools', \
    'cni.projectcalico.org/ipv6pools']";

/// What an object had before the policy may stay, else its finalizers could not be removed.
const NONE_IS_NEW: &str = "variables.refused.all(key, !(key in variables.annotations) || \
    key in variables.before && variables.before[key] == variables.annotations[key])";

fn pod_annotations_policy_file() -> Vec<u8> {
    const NAME: &str = "meshwright-pod-annotations";
    let binding = PolicyBindingSpec { policy_name: NAME, validation_actions: ["Deny"] };
    yaml::File::new("no pod names its own address or pool")
        .document(&object(ADMISSION, "ValidatingAdmissionPolicy", NAME, policy()))
        .document(&object(ADMISSION, "ValidatingAdmissionPolicyBinding", NAME, binding))
        .finish()
}

fn policy() -> PolicySpec {
    let annotations = "object.metadata.?annotations.orValue({})";
    let before = "oldObject == null ? {} : oldObject.metadata.?annotations.orValue({})";
    PolicySpec {
        failure_policy: "Fail",
        match_constraints: MatchConstraints {
            resource_rules: [ResourceRule {
                api_groups: [""],
                api_versions: ["v1"],
                operations: ["CREATE", "UPDATE"],
                resources: ["namespaces", "pods"],
            }],
        },
        variables: [
            Variable { name: "refused", expression: POOL_ANNOTATIONS },
            Variable { name: "annotations", expression: annotations },
            Variable { name: "before", expression: before },
        ],
        validations: [Validation {
            expression: NONE_IS_NEW,
            message: "the annotations floatingIPs, ipAddrs, ipAddrsNoIpam, ipv4pools and ipv6pools \
                of cni.projectcalico.org are refused: WireGuard carries each block of pod \
                addresses to one node, and a pod with another node's address is unreachable",
        }],
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PolicySpec {
    failure_policy: &'static str,
    match_constraints: MatchConstraints,
    variables: [Variable; 3],
    validations: [Validation; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct MatchConstraints {
    resource_rules: [ResourceRule; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ResourceRule {
    api_groups: [&'static str; 1],
    api_versions: [&'static str; 1],
    operations: [&'static str; 2],
    resources: [&'static str; 2],
}

#[derive(Serialize)]
struct Variable {
    name: &'static str,
    expression: &'static str,
}

#[derive(Serialize)]
struct Validation {
    expression: &'static str,
    message: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PolicyBindingSpec {
    policy_name: &'static str,
    validation_actions: [&'static str; 1],
}
