//! `kubeadm.yaml`: the node's registration, and on the init node the cluster's settings; and
//! `upgrade.yaml`. Each key of kubeadm's v1beta4 types is known and judged, or refused: kubeadm itself
//! accepts settings that open a host or break the cluster.

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;
use serde::Deserialize;
use serde_saphyr::Spanned;

use super::ParseError;
use super::kube_proxy::{self, KubeProxyConf};
use super::user_settings::{self, Argument, Program, UserSetting};
use super::yaml::{self, YamlDocument};
use crate::span::LineSpanned;
use meshwright_value::{Text as _, Version};

/// One node.
#[derive(Debug, Clone)]
pub struct KubeadmConf {
    /// Its name in Kubernetes, and so the value of its label `kubernetes.io/hostname`.
    pub name: LineSpanned<String>,
    /// The address that kubelet registers.
    pub node_ip: LineSpanned<Ipv4Addr>,
    /// Its labels, `key=value`.
    pub labels: Vec<String>,
    /// Its taints in the form of kubectl; none are a control plane's own.
    pub taints: Option<Vec<String>>,
    /// The address that its API server advertises; none on workers.
    pub advertised: Option<LineSpanned<Ipv4Addr>>,
    /// The preflight checks whose errors kubeadm ignores on this node.
    pub ignored_checks: Vec<LineSpanned<String>>,
    /// The line of `kind: InitConfiguration`: the node initialises the cluster.
    pub initialises: Option<u32>,
    /// The cluster's settings, which only the init node's file contains.
    pub cluster: Option<ClusterConf>,
}

/// The settings of the cluster.
#[derive(Debug, Clone)]
pub struct ClusterConf {
    /// Its name.
    pub name: String,
    /// The version of Kubernetes.
    pub version: LineSpanned<Version>,
    /// The registry of the images, if it is not the default.
    pub image_repository: Option<String>,
    /// The name and port of the API.
    pub endpoint: LineSpanned<String>,
    /// The subnet of pods.
    pub pod_subnet: LineSpanned<Ipv4Net>,
    /// The subnet of Services.
    pub service_subnet: LineSpanned<Ipv4Net>,
    /// The DNS domain of Services.
    pub dns_domain: String,
    /// kube-proxy's first configuration.
    pub kube_proxy: KubeProxyConf,
    /// The arguments that no other field has.
    pub added: Vec<UserSetting>,
    /// The names of the files in [`API_SERVER_FOLDER`] that arguments of the API server name.
    pub api_server_files: Vec<String>,
}

/// The version of kubeadm's types.
const API_VERSION: &str = "kubeadm.k8s.io/v1beta4";
/// The API server's port (kubeadm's default), which the firewall and haproxy know.
const API_PORT: u16 = 6443;
/// The folder on a host with kubeadm's patches.
const PATCHES: &str = "/etc/kubernetes/patches";
/// The kubeconfig on a host with which it joins.
const DISCOVERY: &str = "/etc/kubernetes/discovery.conf";
/// The lifetime of a token that ends when it is created.
const SHORTEST_LIFETIME: &str = "1ns";
/// The folder on a control plane with the files that its API server reads.
const API_SERVER_FOLDER: &str = "/etc/meshwright/api-server";
/// The files in it. The one with the keys that encrypt Secrets is not in the output: it comes with the delivery.
const API_SERVER_FILES: [&str; 4] =
    ["admission.yaml", "audit.yaml", "authentication.yaml", "encryption.yaml"];
/// The file with the paths that need no credential: those that haproxy and kubelet call.
const AUTHENTICATION: &str = "/etc/meshwright/api-server/authentication.yaml";
/// The folder on a control plane in which its API server writes the audit log.
const AUDIT_FOLDER: &str = "/var/log/kubernetes/audit";
/// containerd's socket.
const CRI_SOCKET: &str = "unix:///run/containerd/containerd.sock";

/// `InitConfiguration` and `JoinConfiguration` (kubeadm v1beta4).
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct KubeadmNodeYaml {
    api_version: Spanned<String>,
    kind: Spanned<String>,
    bootstrap_tokens: Option<Vec<BootstrapTokenYaml>>,
    node_registration: NodeRegistrationYaml,
    #[serde(rename = "localAPIEndpoint")]
    local_api_endpoint: Option<LocalApiEndpointYaml>,
    control_plane: Option<ControlPlaneYaml>,
    discovery: Option<DiscoveryYaml>,
    patches: PatchesYaml,
    timeouts: Option<TimeoutsYaml>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct BootstrapTokenYaml {
    ttl: Spanned<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ControlPlaneYaml {
    #[serde(rename = "localAPIEndpoint")]
    local_api_endpoint: LocalApiEndpointYaml,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct LocalApiEndpointYaml {
    advertise_address: Spanned<String>,
    bind_port: Option<Spanned<u16>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct DiscoveryYaml {
    file: DiscoveryFileYaml,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct DiscoveryFileYaml {
    kube_config_path: Spanned<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct PatchesYaml {
    directory: Spanned<String>,
}

/// Waiting times of kubeadm itself. Too short a time ends kubeadm with a message.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct TimeoutsYaml {
    control_plane_component_health_check: Option<Spanned<String>>,
    discovery: Option<Spanned<String>>,
    #[serde(rename = "etcdAPICall")]
    etcd_api_call: Option<Spanned<String>>,
    #[serde(rename = "kubernetesAPICall")]
    kubernetes_api_call: Option<Spanned<String>>,
    tls_bootstrap: Option<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct NodeRegistrationYaml {
    name: Spanned<String>,
    cri_socket: Spanned<String>,
    #[serde(default)]
    ignore_preflight_errors: Vec<Spanned<String>>,
    #[serde(default)]
    kubelet_extra_args: Vec<ArgumentYaml>,
    taints: Option<Vec<TaintYaml>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TaintYaml {
    key: String,
    value: Option<String>,
    effect: TaintEffectYaml,
}

impl TaintYaml {
    fn text(&self) -> String {
        let value = self.value.as_ref().map(|value| format!("={value}")).unwrap_or_default();
        let effect = match self.effect {
            TaintEffectYaml::NoSchedule => "NoSchedule",
            TaintEffectYaml::PreferNoSchedule => "PreferNoSchedule",
            TaintEffectYaml::NoExecute => "NoExecute",
        };
        format!("{}{value}:{effect}", self.key)
    }
}

/// The effects of taints (core/v1 `TaintEffect`).
#[derive(Deserialize)]
enum TaintEffectYaml {
    NoSchedule,
    PreferNoSchedule,
    NoExecute,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ArgumentYaml {
    name: Spanned<String>,
    value: Spanned<String>,
}

/// `ClusterConfiguration`
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ClusterConfigurationYaml {
    api_version: Spanned<String>,
    #[expect(dead_code, reason = "the document was found by it")]
    kind: String,
    cluster_name: String,
    kubernetes_version: Spanned<String>,
    control_plane_endpoint: Spanned<String>,
    networking: NetworkingYaml,
    api_server: Option<ApiServerYaml>,
    controller_manager: ControllerManagerYaml,
    scheduler: Option<SchedulerYaml>,
    etcd: Option<EtcdYaml>,
    #[expect(dead_code, reason = "every algorithm gives certificates that all programs accept")]
    encryption_algorithm: Option<EncryptionAlgorithmYaml>,
    image_repository: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct NetworkingYaml {
    dns_domain: String,
    pod_subnet: Spanned<String>,
    service_subnet: Spanned<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ApiServerYaml {
    #[serde(rename = "certSANs")]
    #[expect(dead_code, reason = "kubeadm adds the endpoint's name and the advertised address")]
    cert_sans: Vec<String>,
    #[serde(default)]
    extra_args: Vec<ArgumentYaml>,
    #[serde(default)]
    extra_volumes: Vec<VolumeYaml>,
}

/// `HostPathMount` (kubeadm v1beta4).
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct VolumeYaml {
    #[expect(dead_code, reason = "the name is used inside of the pod only")]
    name: String,
    host_path: Spanned<String>,
    mount_path: Spanned<String>,
    #[serde(default)]
    read_only: bool,
    path_type: Spanned<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ControllerManagerYaml {
    extra_args: Vec<ArgumentYaml>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct SchedulerYaml {
    extra_args: Vec<ArgumentYaml>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EtcdYaml {
    local: LocalEtcdYaml,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct LocalEtcdYaml {
    data_dir: Option<Spanned<String>>,
    #[serde(default)]
    extra_args: Vec<ArgumentYaml>,
}

/// `encryptionAlgorithm` (kubeadm v1beta4).
#[derive(Deserialize)]
enum EncryptionAlgorithmYaml {
    #[serde(rename = "ECDSA-P256")]
    EcdsaP256,
    #[serde(rename = "ECDSA-P384")]
    EcdsaP384,
    #[serde(rename = "RSA-2048")]
    Rsa2048,
    #[serde(rename = "RSA-3072")]
    Rsa3072,
    #[serde(rename = "RSA-4096")]
    Rsa4096,
}

/// `KubeletConfiguration` (kubelet.config.k8s.io/v1beta1).
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[expect(dead_code, reason = "read so that an unknown key is an error")]
struct KubeletConfigurationYaml {
    api_version: KubeletApiVersion,
    kind: String,
    cgroup_driver: Option<CgroupDriverYaml>,
}

#[derive(Deserialize)]
enum KubeletApiVersion {
    #[serde(rename = "kubelet.config.k8s.io/v1beta1")]
    V1Beta1,
}

/// containerd's driver; with another one, kubelet starts no pod. It is also kubeadm's default.
#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum CgroupDriverYaml {
    Systemd,
}

/// Reads a file.
///
/// # Errors
///
/// When a document is missing, is unknown, or has another structure.
pub(crate) fn read(text: &str) -> Result<KubeadmConf, ParseError> {
    let documents = yaml::documents(text);
    let one = |kind: &str| yaml::only(&documents, kind);
    let (init, join) = (one("InitConfiguration")?, one("JoinConfiguration")?);
    let cluster = one("ClusterConfiguration")?;
    let kubelet = one("KubeletConfiguration")?;
    let kube_proxy = one("KubeProxyConfiguration")?;
    let known: &[&str] = match init {
        Some(_) => &[
            "InitConfiguration",
            "ClusterConfiguration",
            "KubeletConfiguration",
            "KubeProxyConfiguration",
        ],
        None => &["JoinConfiguration"],
    };
    yaml::all_known(&documents, known)?;
    let document =
        init.or(join).ok_or_else(|| missing("InitConfiguration or JoinConfiguration"))?;
    if let Some(kubelet) = kubelet {
        kubelet.read::<KubeletConfigurationYaml>()?;
    }
    let cluster = match init {
        None => None,
        Some(_) => Some(read_cluster(
            cluster.ok_or_else(|| missing("ClusterConfiguration"))?,
            kube_proxy.ok_or_else(|| missing("KubeProxyConfiguration"))?,
        )?),
    };
    read_node(document, init.is_some(), cluster)
}

fn read_node(
    document: &YamlDocument<'_>,
    is_init: bool,
    cluster: Option<ClusterConf>,
) -> Result<KubeadmConf, ParseError> {
    let node: KubeadmNodeYaml = document.read()?;
    document.exactly(node.api_version, API_VERSION)?;
    document.exactly(node.patches.directory, PATCHES)?;
    let registration = node.node_registration;
    document.exactly(registration.cri_socket, CRI_SOCKET)?;
    if let Some(timeouts) = node.timeouts {
        read_timeouts(document, timeouts)?;
    }
    let initialises = is_init.then(|| document.with_line(node.kind).line);
    read_tokens(document, is_init, node.bootstrap_tokens)?;
    let endpoint = match (is_init, node.local_api_endpoint, node.control_plane, node.discovery) {
        (true, Some(endpoint), None, None) => Some(endpoint),
        (false, None, control_plane, Some(discovery)) => {
            document.exactly(discovery.file.kube_config_path, DISCOVERY)?;
            control_plane.map(|control_plane| control_plane.local_api_endpoint)
        }
        _ => {
            let message = "localAPIEndpoint, controlPlane and discovery do not fit its kind";
            return Err(ParseError { line: document.first_line(), message: message.to_owned() });
        }
    };
    let advertised = endpoint.map(|endpoint| read_endpoint(document, endpoint)).transpose()?;
    let name = document.with_line(registration.name);
    let [node_ip, labels, host_name] =
        kubelet_arguments(document, registration.kubelet_extra_args)?;
    // kubelet would use the name of the host, which an image may set again.
    let host_name = host_name.ok_or_else(|| missing("kubelet's --hostname-override"))?;
    document.exactly(host_name, name.value.clone())?;
    let labels = labels.map(|labels| labels.value).unwrap_or_default();
    let ignored_checks = read_ignored_checks(document, registration.ignore_preflight_errors)?;
    Ok(KubeadmConf {
        name,
        node_ip: document
            .parse("address", node_ip.ok_or_else(|| missing("kubelet's --node-ip"))?)?,
        labels: labels.split(',').map(str::to_owned).collect(),
        taints: registration.taints.map(|taints| taints.iter().map(TaintYaml::text).collect()),
        advertised,
        ignored_checks,
        initialises,
        cluster,
    })
}

/// The holder of a token can request the certificate of any node, so no token is valid when others can use it. Without a list, `init`
/// creates a token that is valid for a day (`SetDefaults_BootstrapTokens` in kubeadm's v1beta4/defaults.go, 1.37.2).
fn read_tokens(
    document: &YamlDocument<'_>,
    is_init: bool,
    tokens: Option<Vec<BootstrapTokenYaml>>,
) -> Result<(), ParseError> {
    let tokens = tokens.unwrap_or_default();
    if tokens.is_empty() == is_init {
        let message = if is_init {
            "bootstrapTokens is missing: kubeadm would create a token that is valid for a day"
        } else {
            "bootstrapTokens does not fit its kind"
        };
        return Err(ParseError { line: document.first_line(), message: message.to_owned() });
    }
    tokens.into_iter().try_for_each(|token| document.exactly(token.ttl, SHORTEST_LIFETIME))
}

/// A check that kubeadm omits changes no file. With `all`, kubeadm refuses further names, and a second run
/// of `kubeadm init` by the host's program has some on its command line (`ValidateIgnorePreflightErrors` in
/// kubeadm's `apis/kubeadm/validation/validation.go`, 1.37.2).
fn read_ignored_checks(
    document: &YamlDocument<'_>,
    names: Vec<Spanned<String>>,
) -> Result<Vec<LineSpanned<String>>, ParseError> {
    let names: Vec<_> = names.into_iter().map(|name| document.with_line(name)).collect();
    match names.iter().find(|name| name.value.eq_ignore_ascii_case("all")) {
        Some(LineSpanned { value, line }) => {
            let message = format!("`{value}` is not understood: name each check");
            Err(ParseError { line: *line, message })
        }
        None => Ok(names),
    }
}

fn read_endpoint(
    document: &YamlDocument<'_>,
    endpoint: LocalApiEndpointYaml,
) -> Result<LineSpanned<Ipv4Addr>, ParseError> {
    if let Some(port) = endpoint.bind_port {
        document.exactly(port, API_PORT)?;
    }
    document.parse("address", endpoint.advertise_address)
}

fn read_timeouts(document: &YamlDocument<'_>, timeouts: TimeoutsYaml) -> Result<(), ParseError> {
    let TimeoutsYaml {
        control_plane_component_health_check: health_check,
        discovery,
        etcd_api_call,
        kubernetes_api_call,
        tls_bootstrap,
    } = timeouts;
    let all = [health_check, discovery, etcd_api_call, kubernetes_api_call, tls_bootstrap];
    for one in all.into_iter().flatten() {
        let LineSpanned { value, line } = document.with_line(one);
        if minutes(&value).is_none_or(|minutes| minutes == 0) {
            let message = format!("`{value}` is not a time of a minute or more, such as `8m0s`");
            return Err(ParseError { line, message });
        }
    }
    Ok(())
}

/// The minutes of a duration of Go (`time.ParseDuration`) with hours, minutes and seconds.
fn minutes(duration: &str) -> Option<u32> {
    let mut seconds: u32 = 0;
    let mut rest = duration;
    for (unit, length) in [('h', 3600), ('m', 60), ('s', 1)] {
        let Some((number, after)) = rest.split_once(unit) else { continue };
        let number: u32 = number.parse().ok()?;
        seconds = seconds.checked_add(number.checked_mul(length)?)?;
        rest = after;
    }
    rest.is_empty().then_some(seconds / 60)
}

/// The arguments of one program.
struct ReadArguments<const N: usize> {
    /// The values of those that this version emits.
    known: [Option<Spanned<String>>; N],
    /// Those of the user.
    others: Vec<Argument>,
}

/// The values of arguments by their names, and the other arguments. A second argument of the same name would replace
/// the first or be added to it.
fn arguments<const N: usize>(
    document: &YamlDocument<'_>,
    arguments: Vec<ArgumentYaml>,
    names: [&str; N],
) -> Result<ReadArguments<N>, ParseError> {
    let mut read = ReadArguments { known: [const { None }; N], others: Vec::new() };
    for ArgumentYaml { name, value } in arguments {
        let Some(position) = names.iter().position(|known| *known == name.value) else {
            read.others.push(Argument { name, value });
            continue;
        };
        let LineSpanned { value: name, line } = document.with_line(name);
        if read.known[position].replace(value).is_some() {
            return Err(ParseError { line, message: format!("a second argument `{name}`") });
        }
    }
    Ok(read)
}

/// kubelet's arguments are those of this version alone: its settings are in its patch.
fn kubelet_arguments(
    document: &YamlDocument<'_>,
    written: Vec<ArgumentYaml>,
) -> Result<[Option<Spanned<String>>; 3], ParseError> {
    let names = ["node-ip", "node-labels", "hostname-override"];
    let ReadArguments { known, others } = arguments(document, written, names)?;
    let Some(other) = others.into_iter().next() else { return Ok(known) };
    let LineSpanned { value: name, line } = document.with_line(other.name);
    Err(ParseError { line, message: format!("the argument `{name}` is not understood here") })
}

fn read_cluster(
    document: &YamlDocument<'_>,
    kube_proxy: &YamlDocument<'_>,
) -> Result<ClusterConf, ParseError> {
    let cluster: ClusterConfigurationYaml = document.read()?;
    document.exactly(cluster.api_version, API_VERSION)?;
    let (mut added, mut api_server_files) = (Vec::new(), Vec::new());
    if let Some(api_server) = cluster.api_server {
        api_server_files = read_api_server_files(document, &api_server)?;
        let ReadArguments { known: [], mut others } =
            arguments(document, api_server.extra_args, [])?;
        // The text of this file is compared; that of another one is not known.
        others.retain(|argument| {
            argument.name.value != "authentication-config" || argument.value.value != AUTHENTICATION
        });
        added.extend(user_settings::arguments(document, Program::ApiServer, others)?);
    }
    let ReadArguments { known: [allocates], others } =
        arguments(document, cluster.controller_manager.extra_args, ["allocate-node-cidrs"])?;
    let allocates = allocates.ok_or_else(|| missing("`allocate-node-cidrs=false`"))?;
    document.exactly(allocates, "false")?;
    added.extend(user_settings::arguments(document, Program::ControllerManager, others)?);
    if let Some(scheduler) = cluster.scheduler {
        let ReadArguments { known: [], others } = arguments(document, scheduler.extra_args, [])?;
        added.extend(user_settings::arguments(document, Program::Scheduler, others)?);
    }
    if let Some(etcd) = cluster.etcd {
        let others = read_etcd(document, etcd.local)?;
        added.extend(user_settings::arguments(document, Program::Etcd, others)?);
    }
    Ok(ClusterConf {
        name: cluster.cluster_name,
        version: version(document, cluster.kubernetes_version)?,
        image_repository: cluster.image_repository,
        endpoint: document.with_line(cluster.control_plane_endpoint),
        pod_subnet: document.parse("subnet", cluster.networking.pod_subnet)?,
        service_subnet: document.parse("subnet", cluster.networking.service_subnet)?,
        dns_domain: cluster.networking.dns_domain,
        kube_proxy: kube_proxy::read_document(kube_proxy)?,
        added,
        api_server_files,
    })
}

/// The files of the host that the arguments name must be mounted: otherwise the API server would not start.
fn read_api_server_files(
    document: &YamlDocument<'_>,
    api_server: &ApiServerYaml,
) -> Result<Vec<String>, ParseError> {
    let mut mounted = Vec::new();
    for volume in &api_server.extra_volumes {
        let LineSpanned { value: folder, line } = document.with_line(volume.host_path.clone());
        let kind = volume.path_type.value.as_str();
        let is_known = match folder.as_str() {
            API_SERVER_FOLDER => kind == "Directory",
            AUDIT_FOLDER => kind == "DirectoryOrCreate" && !volume.read_only,
            _ => false,
        };
        if !is_known || volume.mount_path.value != folder {
            let message = format!("the volume of `{folder}` is not understood here");
            return Err(ParseError { line, message });
        }
        mounted.push(folder);
    }
    let mut files = Vec::new();
    for argument in &api_server.extra_args {
        let LineSpanned { value, line } = document.with_line(argument.value.clone());
        let Some((folder, file)) = value.rsplit_once('/') else { continue };
        let is_ours = [API_SERVER_FOLDER, AUDIT_FOLDER].contains(&folder);
        if is_ours && mounted.iter().all(|mounted| mounted != folder) {
            let message = format!("no volume has `{folder}`: the API server would not start");
            return Err(ParseError { line, message });
        }
        if folder == API_SERVER_FOLDER {
            if !API_SERVER_FILES.contains(&file) {
                let message = format!("no delivery has `{value}`: the API server would not start");
                return Err(ParseError { line, message });
            }
            files.push(file.to_owned());
        }
    }
    Ok(files)
}

/// A version with its `v`. For words such as `stable`, kubeadm asks the Internet.
fn version(
    document: &YamlDocument<'_>,
    spanned: Spanned<String>,
) -> Result<LineSpanned<Version>, ParseError> {
    let LineSpanned { value, line } = document.with_line(spanned);
    let parsed = value.strip_prefix('v').and_then(|bare| Version::parse(bare).ok());
    let message = format!("`{value}` is not a version such as `v1.37.2`");
    parsed.map(|value| LineSpanned { value, line }).ok_or(ParseError { line, message })
}

/// The further arguments. etcd ends if its election timeout is less than 5 heartbeats, or more than 50 s (etcd 3.7,
/// `server/embed/config.go`).
fn read_etcd(
    document: &YamlDocument<'_>,
    etcd: LocalEtcdYaml,
) -> Result<Vec<Argument>, ParseError> {
    if let Some(folder) = etcd.data_dir {
        document.exactly(folder, "/var/lib/etcd")?;
    }
    let ReadArguments { known: [heartbeat, election], others } =
        arguments(document, etcd.extra_args, ["heartbeat-interval", "election-timeout"])?;
    let milliseconds = |value: Spanned<String>| document.parse::<u32>("number", value);
    let heartbeat = heartbeat.map(milliseconds).transpose()?;
    let election = election.map(milliseconds).transpose()?;
    let beat = heartbeat.map_or(100, |heartbeat| heartbeat.value);
    let timeout = election.map_or(1000, |election| election.value);
    if beat > 0 && timeout / 5 >= beat && timeout <= 50_000 {
        return Ok(others);
    }
    let line = election.or(heartbeat).map_or(0, |one| one.line);
    let message =
        format!("etcd refuses an election timeout of {timeout} ms with heartbeats of {beat} ms");
    Err(ParseError { line, message })
}

/// `UpgradeConfiguration` (kubeadm v1beta4).
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct UpgradeYaml {
    api_version: Spanned<String>,
    #[expect(dead_code, reason = "the document was found by it")]
    kind: String,
    apply: UpgradeApplyYaml,
    node: UpgradeNodeYaml,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct UpgradeApplyYaml {
    kubernetes_version: Spanned<String>,
    patches: PatchesYaml,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct UpgradeNodeYaml {
    patches: PatchesYaml,
}

/// Reads `upgrade.yaml`: the version that the cluster is upgraded to. Without the patches, the API server
/// and kubelet would listen on the public side after an upgrade.
///
/// # Errors
///
/// When it contains anything else.
pub(crate) fn read_upgrade(text: &str) -> Result<LineSpanned<Version>, ParseError> {
    let documents = yaml::documents(text);
    yaml::all_known(&documents, &["UpgradeConfiguration"])?;
    let document = yaml::only(&documents, "UpgradeConfiguration")?;
    let document = document.ok_or_else(|| missing("UpgradeConfiguration"))?;
    let upgrade: UpgradeYaml = document.read()?;
    document.exactly(upgrade.api_version, API_VERSION)?;
    document.exactly(upgrade.apply.patches.directory, PATCHES)?;
    document.exactly(upgrade.node.patches.directory, PATCHES)?;
    version(document, upgrade.apply.kubernetes_version)
}

fn missing(what: &str) -> ParseError {
    ParseError { line: 0, message: format!("{what} is missing") }
}
