//! kubeadm's files of each node: for initialising or joining the cluster, and for upgrades.
//!
//! `kubeadm.k8s.io/v1beta4` alone: all supported minors read it, v1beta3 is gone since 1.37
//! (kubernetes#136016). The settings of one node are in kubelet's arguments and in patches:
//! ClusterConfiguration and the component configurations are the whole cluster's, and kubeadm
//! ignores the latter in a join file (kubeadm#2724).

use std::borrow::Cow;
use std::net::Ipv4Addr;

use serde::Serialize;
use serde_json::{Map, Value};

use crate::artifact::ArtifactSet;
use crate::derive::etcd::EtcdTimings;
use crate::encode::yaml::YamlFile;
use crate::kubernetes::manifest::Manifest;
use crate::plan::control_plane::{API_PORT, ControlPlanePlan};
use crate::plan::hardening::{API_SERVER_FOLDER, AUDIT_FOLDER};
use crate::plan::host::{CRI_SOCKET, DISCOVERY_FILE, PATCHES_DIRECTORY};
use crate::plan::settings::{Argument, ComponentArguments};
use crate::plan::{NodePlan, Plan};
use crate::render::{NodeRenderer, NodeView, Output, kube_proxy};
use meshwright_value::{DnsName, ImageRepository, LabelKey, LabelValue, Name, Subnet, TaintEffect};

/// kubeadm's files of each node.
pub(super) const RENDERER: NodeRenderer = NodeRenderer { id: "kubeadm", outputs: OUTPUTS, render };

const OUTPUTS: &[Output] = &[
    Output { path: "nodes/<node>/kubeadm.yaml", consumer: "kubeadm init or join" },
    Output {
        path: "nodes/<node>/patches/kubeletconfiguration0+merge.yaml",
        consumer: "kubeadm, for kubelet's configuration of this node",
    },
    Output {
        path: "nodes/<node>/patches/kube-apiserver0+json.yaml",
        consumer: "kubeadm, for the API server of this control plane",
    },
    Output { path: "nodes/<node>/upgrade.yaml", consumer: "kubeadm upgrade" },
];

const API_VERSION: &str = "kubeadm.k8s.io/v1beta4";

/// The control plane's images cross borders, and etcd's members wait for each other over the
/// Internet: twice kubeadm's own 4m, 5m, 2m and 5m. `kubernetesAPICall` (1m) equals the time for the
/// health check: `init` authorises admin.conf before it waits for the control plane, so the shorter of
/// the two is the time that the API server has to start (`EnsureAdminClusterRoleBinding` in kubeadm's
/// `phases/kubeconfig/kubeconfig.go`, 1.37.2).
const TIMEOUTS: KubeadmTimeouts = KubeadmTimeouts {
    control_plane_component_health_check: "8m0s",
    discovery: "10m0s",
    etcd_api_call: "4m0s",
    kubernetes_api_call: "8m0s",
    tls_bootstrap: "10m0s",
};

const PATCHES: KubeadmPatches = KubeadmPatches { directory: PATCHES_DIRECTORY };

fn render(view: &NodeView<'_>, artifacts: &mut ArtifactSet) {
    let configuration = match view.node.id == view.plan.init_node().id {
        true => init_file(view),
        false => join_file(view),
    };
    artifacts.add(view.path("kubeadm.yaml"), configuration);
    artifacts.add(view.path("patches/kubeletconfiguration0+merge.yaml"), kubelet_patch(view.node));
    artifacts.add(view.path("upgrade.yaml"), upgrade_file(view.plan));
    if view.node.is_control_plane() {
        artifacts.add(view.path("patches/kube-apiserver0+json.yaml"), api_server_patch(view.node));
    }
}

/// kubeadm cuts the end of a token's validity down to a whole second, so this token has ended when it is created. It
/// refuses `expires`, because its default of `ttl` excludes it (`encodeTokenSecretData` and `SetDefaults_BootstrapToken`
/// in kubeadm's apis/bootstraptoken/v1, 1.37.2).
const SHORTEST_LIFETIME: &str = "1ns";

fn init_file(view: &NodeView<'_>) -> Vec<u8> {
    let init = InitConfiguration {
        bootstrap_tokens: [BootstrapToken { ttl: SHORTEST_LIFETIME }],
        local_api_endpoint: LocalApiEndpoint::of(view.node),
        node_registration: NodeRegistration::of(view),
        patches: PATCHES,
        timeouts: TIMEOUTS,
    };
    YamlFile::new(
        "initialises the cluster; kubeadm always creates a token: this one ends when it is created",
    )
    .document(&manifest("InitConfiguration", init))
    .document(&manifest("ClusterConfiguration", ClusterConfiguration::of(view.plan)))
    .document(&kubelet_configuration())
    .document(&kube_proxy::new_cluster(&view.plan.kube_proxy, view.plan.network.pod_subnet))
    .finish()
}

fn join_file(view: &NodeView<'_>) -> Vec<u8> {
    let control_plane = view
        .node
        .is_control_plane()
        .then(|| JoinControlPlane { local_api_endpoint: LocalApiEndpoint::of(view.node) });
    let join = JoinConfiguration {
        control_plane,
        discovery: Discovery { file: DiscoveryFile { kube_config_path: DISCOVERY_FILE } },
        node_registration: NodeRegistration::of(view),
        patches: PATCHES,
        timeouts: TIMEOUTS,
    };
    YamlFile::new("joins the cluster; the credential is in the file that discovery names")
        .document(&manifest("JoinConfiguration", join))
        .finish()
}

fn kubelet_patch(node: &NodePlan) -> Vec<u8> {
    let patch = KubeletPatch {
        address: node.address,
        max_pods: node.max_pods(),
        settings: node.kubelet.entries(),
    };
    YamlFile::new("kubelet listens on the mesh address only").document(&patch).finish()
}

/// A strategic patch would replace the whole command, and extraArgs are the whole cluster's.
/// kubeadm's probes go to the advertised address, so this keeps them (staticpod/utils.go).
fn api_server_patch(node: &NodePlan) -> Vec<u8> {
    let operation = JsonPatchOperation {
        op: "add",
        path: "/spec/containers/0/command/-",
        value: format!("--bind-address={}", node.address),
    };
    YamlFile::new("the API server listens on the mesh address only").document(&[operation]).finish()
}

fn upgrade_file(plan: &Plan) -> Vec<u8> {
    let upgrade = UpgradeConfiguration {
        apply: UpgradeApply { kubernetes_version: kubernetes_version(plan), patches: PATCHES },
        node: UpgradeNode { patches: PATCHES },
    };
    let about = "\
        kubeadm upgrade apply --config upgrade.yaml, then on every other node\n\
        kubeadm upgrade node --config upgrade.yaml; without it the API server and kubelet would\n\
        listen on the public side again";
    YamlFile::new(about).document(&manifest("UpgradeConfiguration", upgrade)).finish()
}

fn manifest<Fields>(kind: &'static str, fields: Fields) -> Manifest<Fields> {
    Manifest { api_version: API_VERSION, kind, fields }
}

/// With the `v`, and never `stable`, which kubeadm resolves over the Internet.
fn kubernetes_version(plan: &Plan) -> String {
    format!("v{}", plan.kubernetes_version)
}

fn kubelet_configuration() -> Manifest<KubeletConfiguration> {
    Manifest {
        api_version: "kubelet.config.k8s.io/v1beta1",
        kind: "KubeletConfiguration",
        fields: KubeletConfiguration { cgroup_driver: "systemd" },
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct InitConfiguration<'plan> {
    bootstrap_tokens: [BootstrapToken; 1],
    #[serde(rename = "localAPIEndpoint")]
    local_api_endpoint: LocalApiEndpoint,
    node_registration: NodeRegistration<'plan>,
    patches: KubeadmPatches,
    timeouts: KubeadmTimeouts,
}

/// A token has no name of a node, so that its holder can request the certificate of any node. With an empty list
/// kubeadm creates one that is valid for a day (`SetDefaults_BootstrapTokens` in its v1beta4/defaults.go, 1.37.2).
#[derive(Serialize)]
struct BootstrapToken {
    ttl: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct JoinConfiguration<'plan> {
    /// Absent on workers.
    #[serde(skip_serializing_if = "Option::is_none")]
    control_plane: Option<JoinControlPlane>,
    discovery: Discovery,
    node_registration: NodeRegistration<'plan>,
    patches: KubeadmPatches,
    timeouts: KubeadmTimeouts,
}

/// No `certificateKey`: the CAs are on the host before the join (observed with Kubernetes 1.37.2,
/// 2026-11).
#[derive(Serialize)]
struct JoinControlPlane {
    #[serde(rename = "localAPIEndpoint")]
    local_api_endpoint: LocalApiEndpoint,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct LocalApiEndpoint {
    advertise_address: Ipv4Addr,
    bind_port: u16,
}

impl LocalApiEndpoint {
    fn of(node: &NodePlan) -> Self {
        Self { advertise_address: node.address, bind_port: API_PORT }
    }
}

/// The form of discovery that holds no secret: `bootstrapToken` has the token in this file.
#[derive(Serialize)]
struct Discovery {
    file: DiscoveryFile,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct DiscoveryFile {
    kube_config_path: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct NodeRegistration<'plan> {
    name: &'plan Name,
    cri_socket: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    ignore_preflight_errors: Vec<String>,
    kubelet_extra_args: [KubeadmArgument<'plan>; 3],
    /// Absent is a control plane's own taint, empty is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    taints: Option<Vec<KubeadmTaint<'plan>>>,
}

impl<'plan> NodeRegistration<'plan> {
    fn of(view: &NodeView<'plan>) -> Self {
        let NodeView { plan, node, .. } = *view;
        let taints =
            node.taints.as_ref().map(|taints| taints.iter().map(KubeadmTaint::of).collect());
        Self {
            name: &node.name,
            cri_socket: CRI_SOCKET,
            ignore_preflight_errors: plan.ignored_preflight_errors(node),
            kubelet_extra_args: [
                // The API server calls kubelet at this address; kubelet's own guess is the public
                // one (kubernetes#45583).
                KubeadmArgument::ours("node-ip", node.address.to_string()),
                KubeadmArgument::ours("node-labels", plan.node_labels_argument(node)),
                // kubeadm sets it only if the host has another name at that time. Images reset the host's name
                // (cloud-init's preserve_hostname), and kubelet's credential is for this one.
                KubeadmArgument::ours("hostname-override", node.name.to_string()),
            ],
            taints,
        }
    }
}

/// One argument of a component, named without dashes.
#[derive(Serialize)]
struct KubeadmArgument<'plan> {
    name: &'plan str,
    value: Cow<'plan, str>,
}

impl<'plan> KubeadmArgument<'plan> {
    fn ours(name: &'static str, value: String) -> Self {
        Self { name, value: value.into() }
    }

    fn planned(arguments: &'plan [Argument]) -> impl Iterator<Item = Self> {
        arguments.iter().map(|Argument { name, value }| Self { name, value: value.into() })
    }
}

#[derive(Serialize)]
struct KubeadmTaint<'plan> {
    key: &'plan LabelKey,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<&'plan LabelValue>,
    effect: TaintEffect,
}

impl<'plan> KubeadmTaint<'plan> {
    fn of(taint: &'plan meshwright_value::Taint) -> Self {
        Self { key: taint.key(), value: taint.value(), effect: taint.effect() }
    }
}

/// The folder of the patches on the host.
#[derive(Serialize)]
struct KubeadmPatches {
    directory: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct KubeadmTimeouts {
    control_plane_component_health_check: &'static str,
    discovery: &'static str,
    #[serde(rename = "etcdAPICall")]
    etcd_api_call: &'static str,
    #[serde(rename = "kubernetesAPICall")]
    kubernetes_api_call: &'static str,
    tls_bootstrap: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ClusterConfiguration<'plan> {
    cluster_name: &'plan Name,
    kubernetes_version: String,
    control_plane_endpoint: String,
    networking: Networking<'plan>,
    api_server: ApiServer<'plan>,
    controller_manager: ControllerManager<'plan>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scheduler: Option<KubeadmScheduler<'plan>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    etcd: Option<KubeadmEtcd<'plan>>,
    /// Smaller and faster than the default of RSA-2048, and the algorithm of the CAs of `keys`.
    encryption_algorithm: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    image_repository: Option<&'plan ImageRepository>,
}

impl<'plan> ClusterConfiguration<'plan> {
    fn of(plan: &'plan Plan) -> Self {
        // Calico's pools place the pods; the controller manager's own blocks in `spec.podCIDR`
        // would name others (tigera/docs#1885).
        let allocate = KubeadmArgument::ours("allocate-node-cidrs", "false".to_owned());
        let ComponentArguments { api_server, controller_manager, scheduler, etcd } =
            &plan.control_plane.arguments;
        let controller_manager = KubeadmArgument::planned(controller_manager);
        let scheduler: Vec<_> = KubeadmArgument::planned(scheduler).collect();
        Self {
            cluster_name: &plan.name,
            kubernetes_version: kubernetes_version(plan),
            control_plane_endpoint: plan.control_plane.endpoint.to_string(),
            networking: Networking {
                dns_domain: &plan.network.dns_domain,
                pod_subnet: plan.network.pod_subnet,
                service_subnet: plan.network.service_subnet,
            },
            api_server: ApiServer {
                cert_sans: plan.control_plane.cert_sans(),
                extra_args: KubeadmArgument::planned(api_server).collect(),
                extra_volumes: KubeadmVolume::all(&plan.control_plane),
            },
            controller_manager: ControllerManager {
                extra_args: std::iter::once(allocate).chain(controller_manager).collect(),
            },
            scheduler: (!scheduler.is_empty())
                .then_some(KubeadmScheduler { extra_args: scheduler }),
            etcd: KubeadmEtcd::of(plan.control_plane.etcd, etcd),
            encryption_algorithm: "ECDSA-P256",
            image_repository: plan.images.repository.as_ref(),
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Networking<'plan> {
    dns_domain: &'plan DnsName,
    /// Calico's operator requires it, with all pools inside.
    pod_subnet: Subnet,
    service_subnet: Subnet,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ApiServer<'plan> {
    #[serde(rename = "certSANs")]
    cert_sans: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    extra_args: Vec<KubeadmArgument<'plan>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    extra_volumes: Vec<KubeadmVolume>,
}

/// A folder of the host in the container of the API server.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct KubeadmVolume {
    name: &'static str,
    host_path: &'static str,
    mount_path: &'static str,
    /// kubeadm leaves its default, false, out of what it stores.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    read_only: bool,
    path_type: &'static str,
}

impl KubeadmVolume {
    /// The folders of the files that the arguments name. Folders and not files: `apply` replaces a file, and a mounted
    /// file would stay the old one.
    fn all(control_plane: &ControlPlanePlan) -> Vec<Self> {
        let files = (!control_plane.api_server_files.is_empty()).then_some(Self {
            name: "api-server",
            host_path: API_SERVER_FOLDER,
            mount_path: API_SERVER_FOLDER,
            read_only: true,
            path_type: "Directory",
        });
        let is_in_folder = |argument: &Argument| argument.value.starts_with(AUDIT_FOLDER);
        let arguments = &control_plane.arguments.api_server;
        let audit = arguments.iter().any(is_in_folder).then_some(Self {
            name: "audit",
            host_path: AUDIT_FOLDER,
            mount_path: AUDIT_FOLDER,
            read_only: false,
            path_type: "DirectoryOrCreate",
        });
        files.into_iter().chain(audit).collect()
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ControllerManager<'plan> {
    extra_args: Vec<KubeadmArgument<'plan>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct KubeadmScheduler<'plan> {
    extra_args: Vec<KubeadmArgument<'plan>>,
}

#[derive(Serialize)]
struct KubeadmEtcd<'plan> {
    local: LocalEtcd<'plan>,
}

/// No `listen-*` and no `advertise-client-urls`: kubeadm binds etcd to the advertised address, and
/// copies the latter into every API server (controlplane/manifests.go).
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct LocalEtcd<'plan> {
    data_dir: &'static str,
    extra_args: Vec<KubeadmArgument<'plan>>,
}

impl<'plan> KubeadmEtcd<'plan> {
    /// None leaves all of etcd to kubeadm.
    fn of(timings: Option<EtcdTimings>, planned: &'plan [Argument]) -> Option<Self> {
        let timings = timings.into_iter().flat_map(|timings| {
            let EtcdTimings { heartbeat_interval, election_timeout } = timings;
            [
                KubeadmArgument::ours("heartbeat-interval", heartbeat_interval.to_string()),
                KubeadmArgument::ours("election-timeout", election_timeout.to_string()),
            ]
        });
        let extra_args: Vec<_> = timings.chain(KubeadmArgument::planned(planned)).collect();
        let local = LocalEtcd { data_dir: "/var/lib/etcd", extra_args };
        (!local.extra_args.is_empty()).then_some(Self { local })
    }
}

/// For the whole cluster; the settings of one node are in [`KubeletPatch`].
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct KubeletConfiguration {
    /// The same as in containerd's configuration; kubelet's own default is cgroupfs.
    cgroup_driver: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct KubeletPatch<'plan> {
    address: Ipv4Addr,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_pods: Option<u32>,
    #[serde(flatten)]
    settings: &'plan Map<String, Value>,
}

/// One operation of RFC 6902.
#[derive(Serialize)]
struct JsonPatchOperation {
    op: &'static str,
    path: &'static str,
    value: String,
}

#[derive(Serialize)]
struct UpgradeConfiguration {
    apply: UpgradeApply,
    node: UpgradeNode,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct UpgradeApply {
    kubernetes_version: String,
    patches: KubeadmPatches,
}

#[derive(Serialize)]
struct UpgradeNode {
    patches: KubeadmPatches,
}
