//! Calico's objects: pools, BGP, Felix. A missing field is an error, because Calico's defaults break the
//! mesh: a pool without `encapsulation` is encapsulated, and one without `nodeSelector` is used by all
//! nodes.

use std::collections::BTreeMap;

use ipnet::Ipv4Net;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_saphyr::Spanned;

use super::ParseError;
use super::yaml::{self, YamlDocument};
use crate::span::LineSpanned;

/// The operator's `Installation`.
#[derive(Debug, Clone)]
pub struct Installation {
    /// The MTU of pods.
    pub mtu: LineSpanned<u16>,
    /// Whether BIRD runs.
    pub bgp: LineSpanned<bool>,
    /// How Felix programs the host.
    pub dataplane: LineSpanned<FelixDataplane>,
    /// The pattern of the interface whose address the node takes.
    pub interface: LineSpanned<String>,
    /// Its pools.
    pub pools: Vec<EmittedPool>,
}

/// How Felix programs the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum FelixDataplane {
    /// iptables, for kube-proxy's modes iptables and ipvs.
    Iptables,
    /// nftables, for kube-proxy's mode nftables.
    Nftables,
}

/// One pool.
#[derive(Debug, Clone)]
pub struct EmittedPool {
    /// Its name.
    pub name: String,
    /// Its addresses.
    pub cidr: LineSpanned<Ipv4Net>,
    /// The prefix length of its blocks.
    pub block_size: LineSpanned<u8>,
    /// Whether packets between its nodes are encapsulated again.
    pub encapsulated: LineSpanned<bool>,
    /// Whether packets of its pods to the Internet get the node's address.
    pub nat_outgoing: LineSpanned<bool>,
    /// The nodes that take addresses from it.
    pub node_selector: LineSpanned<String>,
}

impl EmittedPool {
    /// The one node that it selects.
    #[must_use]
    pub fn node(&self) -> Option<&str> {
        let selector = self.node_selector.value.strip_prefix("kubernetes.io/hostname == '")?;
        selector.strip_suffix('\'').filter(|name| !name.contains('\''))
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct CalicoObjectYaml<S> {
    api_version: Spanned<String>,
    #[expect(dead_code, reason = "the document was found by it")]
    kind: String,
    metadata: CalicoMetadataYaml,
    spec: S,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CalicoMetadataYaml {
    name: Spanned<String>,
}

/// The kinds of Calico's operator.
const OPERATOR: &str = "operator.tigera.io/v1";
/// The kinds of Calico's API server.
const PROJECT_CALICO: &str = "projectcalico.org/v3";

/// Reads an object, with its name.
fn object<S: DeserializeOwned>(
    document: &YamlDocument<'_>,
    api_version: &str,
) -> Result<(String, S), ParseError> {
    let read: CalicoObjectYaml<S> = document.read()?;
    document.exactly(read.api_version, api_version)?;
    Ok((read.metadata.name.value, read.spec))
}

/// Reads the one object of its kind that counts: Calico ignores those of another name.
fn singleton<S: DeserializeOwned>(
    document: &YamlDocument<'_>,
    api_version: &str,
) -> Result<S, ParseError> {
    let read: CalicoObjectYaml<S> = document.read()?;
    document.exactly(read.api_version, api_version)?;
    document.exactly(read.metadata.name, "default")?;
    Ok(read.spec)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[expect(dead_code, reason = "read so that another key or value is an error")]
struct InstallationSpecYaml {
    variant: Option<VariantYaml>,
    cni: Option<CniYaml>,
    calico_network: CalicoNetworkYaml,
    #[serde(default)]
    control_plane_node_selector: BTreeMap<String, String>,
    kubelet_volume_plugin_path: Option<NoneYaml>,
    flex_volume_path: Option<NoneYaml>,
}

/// The free variant, which is also the default.
#[derive(Deserialize)]
enum VariantYaml {
    Calico,
}

/// Calico's own CNI plugin and addresses, which are also the default.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "read so that another key or value is an error")]
struct CniYaml {
    r#type: VariantYaml,
    ipam: Option<IpamPluginYaml>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "read so that another key or value is an error")]
struct IpamPluginYaml {
    r#type: VariantYaml,
}

/// The word that disables a folder.
#[derive(Deserialize)]
enum NoneYaml {
    None,
}

/// `APIServer`: Calico's API server with its default settings.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ApiServerSpecYaml {}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct CalicoNetworkYaml {
    bgp: Spanned<CalicoSwitchYaml>,
    linux_dataplane: Spanned<FelixDataplane>,
    mtu: Spanned<u16>,
    #[serde(rename = "nodeAddressAutodetectionV4")]
    autodetection: AutodetectionYaml,
    ip_pools: Vec<OperatorPoolYaml>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AutodetectionYaml {
    interface: Spanned<String>,
}

#[derive(Deserialize, Clone, Copy, PartialEq, Eq)]
enum CalicoSwitchYaml {
    Enabled,
    Disabled,
}

/// A pool of the operator's (operator.tigera.io/v1).
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct OperatorPoolYaml {
    name: String,
    cidr: Spanned<String>,
    block_size: Spanned<u8>,
    encapsulation: Spanned<String>,
    nat_outgoing: Spanned<CalicoSwitchYaml>,
    node_selector: Spanned<String>,
    allowed_uses: Vec<AllowedUseYaml>,
    #[expect(dead_code, reason = "read so that another value is an error")]
    assignment_mode: Option<AssignmentModeYaml>,
    #[expect(dead_code, reason = "read so that another value is an error")]
    #[serde(rename = "disableBGPExport")]
    hidden: Option<MustBeFalse>,
    #[expect(dead_code, reason = "read so that another value is an error")]
    #[serde(rename = "disableNewAllocations")]
    closed: Option<MustBeFalse>,
}

/// A pool of Calico's (projectcalico.org/v3).
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct V3PoolYaml {
    cidr: Spanned<String>,
    block_size: Spanned<u8>,
    ipip_mode: Spanned<String>,
    vxlan_mode: Spanned<String>,
    nat_outgoing: Spanned<bool>,
    node_selector: Spanned<String>,
    allowed_uses: Vec<AllowedUseYaml>,
    #[expect(dead_code, reason = "read so that another value is an error")]
    assignment_mode: Option<AssignmentModeYaml>,
    #[expect(dead_code, reason = "read so that another value is an error")]
    #[serde(rename = "disableBGPExport")]
    hidden: Option<MustBeFalse>,
    #[expect(dead_code, reason = "read so that another value is an error")]
    #[serde(rename = "disabled")]
    closed: Option<MustBeFalse>,
}

#[derive(Deserialize, PartialEq, Eq)]
enum AllowedUseYaml {
    Workload,
}

#[derive(Deserialize)]
enum AssignmentModeYaml {
    Automatic,
}

/// `false`, and no other value: a disabled pool, or one that BGP does not export, has no pods.
#[derive(Deserialize)]
#[serde(try_from = "bool")]
struct MustBeFalse;

impl TryFrom<bool> for MustBeFalse {
    type Error = &'static str;

    fn try_from(value: bool) -> Result<Self, Self::Error> {
        if value { Err("with this value its node has no reachable pods") } else { Ok(Self) }
    }
}

/// Reads `installation.yaml`.
///
/// # Errors
///
/// When it has another structure.
pub(crate) fn read_installation(text: &str) -> Result<Installation, ParseError> {
    let documents = yaml::documents(text);
    yaml::all_known(&documents, &["Installation", "APIServer"])?;
    let document = find(&documents, "Installation")?;
    let spec: InstallationSpecYaml = singleton(document, OPERATOR)?;
    // Without it, `projectcalico.org/v3` is not served, and `apply.sh` waits in vain.
    let ApiServerSpecYaml {} = singleton(find(&documents, "APIServer")?, OPERATOR)?;
    let network = spec.calico_network;
    let bgp = document.with_line(network.bgp);
    Ok(Installation {
        mtu: document.with_line(network.mtu),
        bgp: LineSpanned { value: bgp.value == CalicoSwitchYaml::Enabled, line: bgp.line },
        dataplane: document.with_line(network.linux_dataplane),
        interface: document.with_line(network.autodetection.interface),
        pools: network
            .ip_pools
            .into_iter()
            .map(|pool| operator_pool(document, pool))
            .collect::<Result<_, _>>()?,
    })
}

fn operator_pool(
    document: &YamlDocument<'_>,
    pool: OperatorPoolYaml,
) -> Result<EmittedPool, ParseError> {
    let encapsulation = document.with_line(pool.encapsulation);
    let nat_outgoing = document.with_line(pool.nat_outgoing);
    let cidr = document.parse("subnet", pool.cidr)?;
    workload(&pool.allowed_uses, cidr.line)?;
    Ok(EmittedPool {
        name: pool.name,
        cidr,
        block_size: document.with_line(pool.block_size),
        encapsulated: LineSpanned {
            value: encapsulation.value != "None",
            line: encapsulation.line,
        },
        nat_outgoing: LineSpanned {
            value: nat_outgoing.value == CalicoSwitchYaml::Enabled,
            line: nat_outgoing.line,
        },
        node_selector: document.with_line(pool.node_selector),
    })
}

/// Reads `ip-pools.yaml`.
///
/// # Errors
///
/// When a document has another structure.
pub(crate) fn read_pools(text: &str) -> Result<Vec<EmittedPool>, ParseError> {
    yaml::documents(text).iter().map(v3_pool).collect()
}

fn v3_pool(document: &YamlDocument<'_>) -> Result<EmittedPool, ParseError> {
    expect(document, "IPPool")?;
    let (name, spec) = object::<V3PoolYaml>(document, PROJECT_CALICO)?;
    let modes = [document.with_line(spec.ipip_mode), document.with_line(spec.vxlan_mode)];
    let encapsulated = modes.iter().find(|mode| mode.value != "Never");
    let cidr = document.parse("subnet", spec.cidr)?;
    workload(&spec.allowed_uses, cidr.line)?;
    Ok(EmittedPool {
        name,
        cidr,
        block_size: document.with_line(spec.block_size),
        encapsulated: LineSpanned {
            value: encapsulated.is_some(),
            line: encapsulated.unwrap_or(&modes[0]).line,
        },
        nat_outgoing: document.with_line(spec.nat_outgoing),
        node_selector: document.with_line(spec.node_selector),
    })
}

fn workload(uses: &[AllowedUseYaml], line: u32) -> Result<(), ParseError> {
    if uses == [AllowedUseYaml::Workload] {
        return Ok(());
    }
    Err(ParseError { line, message: "the pool is not for workloads only".to_owned() })
}

/// `bgp.yaml`: the BGP sessions.
#[derive(Debug, Clone)]
pub struct BgpConf {
    /// The AS of all nodes.
    pub as_number: u32,
    /// Whether the sessions have a password, which calico-node reads from a Secret.
    pub password: bool,
    /// Whether every node has a session with every other node.
    pub full_mesh: LineSpanned<bool>,
    /// The addresses that BIRD listens on.
    pub bind_mode: LineSpanned<String>,
    /// The port.
    pub listen_port: LineSpanned<u16>,
    /// The label `key=value` of the route reflectors, if there are any.
    pub reflectors: Option<LineSpanned<String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct BgpSpecYaml {
    as_number: u32,
    node_to_node_mesh_enabled: Spanned<bool>,
    bind_mode: Spanned<String>,
    listen_port: Spanned<u16>,
    #[expect(dead_code, reason = "read so that another value is an error")]
    log_severity_screen: Option<LogSeverityYaml>,
    node_mesh_password: Option<BgpPasswordYaml>,
}

/// `logSeverityScreen` (Calico's `BGPConfigurationSpec`).
#[derive(Deserialize)]
enum LogSeverityYaml {
    Trace,
    Debug,
    Info,
    Warning,
    Error,
    Fatal,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct BgpPeerSpecYaml {
    node_selector: Spanned<String>,
    peer_selector: Spanned<String>,
    password: Option<BgpPasswordYaml>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[expect(dead_code, reason = "read so that another key or value is an error")]
struct BgpPasswordYaml {
    secret_key_ref: SecretKeyYaml,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "read so that another key or value is an error")]
struct SecretKeyYaml {
    name: PasswordSecretYaml,
    key: PasswordKeyYaml,
}

/// The Secret that `export` makes.
#[derive(Deserialize)]
enum PasswordSecretYaml {
    #[serde(rename = "bgp-password")]
    BgpPassword,
}

#[derive(Deserialize)]
enum PasswordKeyYaml {
    #[serde(rename = "password")]
    Password,
}

/// Reads `bgp.yaml`.
///
/// # Errors
///
/// When it has another structure.
pub(crate) fn read_bgp(text: &str) -> Result<BgpConf, ParseError> {
    let documents = yaml::documents(text);
    yaml::all_known(&documents, &["BGPConfiguration", "BGPPeer"])?;
    let document = find(&documents, "BGPConfiguration")?;
    let spec: BgpSpecYaml = singleton(document, PROJECT_CALICO)?;
    let peers = documents.iter().filter(|document| document.kind == "BGPPeer");
    let peers = peers.map(reflectors).collect::<Result<Vec<_>, _>>()?;
    let has_password = |peer: &(LineSpanned<String>, bool)| peer.1;
    Ok(BgpConf {
        as_number: spec.as_number,
        password: spec.node_mesh_password.is_some() || peers.iter().any(has_password),
        full_mesh: document.with_line(spec.node_to_node_mesh_enabled),
        bind_mode: document.with_line(spec.bind_mode),
        listen_port: document.with_line(spec.listen_port),
        reflectors: peers.into_iter().next().map(|(label, _)| label),
    })
}

/// `key == 'value'` as the label `key=value`, and whether the session has a password.
fn reflectors(document: &YamlDocument<'_>) -> Result<(LineSpanned<String>, bool), ParseError> {
    let (_, spec) = object::<BgpPeerSpecYaml>(document, PROJECT_CALICO)?;
    let nodes = document.with_line(spec.node_selector);
    let peers = document.with_line(spec.peer_selector);
    let not_understood =
        |line| ParseError { line, message: "the selector is not understood".to_owned() };
    if nodes.value != "all()" {
        return Err(not_understood(nodes.line));
    }
    let label = peers
        .value
        .split_once(" == '")
        .and_then(|(key, value)| Some(format!("{key}={}", value.strip_suffix('\'')?)));
    let label = label.ok_or_else(|| not_understood(peers.line))?;
    Ok((LineSpanned { value: label, line: peers.line }, spec.password.is_some()))
}

/// `felix.yaml`
#[derive(Debug, Clone)]
pub struct FelixConf {
    /// Whether packets from pods to nodes keep their source.
    pub spares_nodes: LineSpanned<bool>,
    /// The pattern of the interfaces from which MTUs are taken.
    pub mtu_interface: LineSpanned<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct FelixSpecYaml {
    mtu_iface_pattern: Spanned<String>,
    nat_outgoing_exclusions: Spanned<String>,
}

/// Reads `felix.yaml`.
///
/// # Errors
///
/// When it has another structure.
pub(crate) fn read_felix(text: &str) -> Result<FelixConf, ParseError> {
    let documents = yaml::documents(text);
    yaml::all_known(&documents, &["FelixConfiguration"])?;
    let document = find(&documents, "FelixConfiguration")?;
    let spec: FelixSpecYaml = singleton(document, PROJECT_CALICO)?;
    let exclusions = document.with_line(spec.nat_outgoing_exclusions);
    Ok(FelixConf {
        spares_nodes: LineSpanned {
            value: exclusions.value == "IPPoolsAndHostIPs",
            line: exclusions.line,
        },
        mtu_interface: document.with_line(spec.mtu_iface_pattern),
    })
}

/// Both booleans are required by the schema (Calico's `IPAMConfigurationSpec`).
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct IpamSpecYaml {
    strict_affinity: Spanned<bool>,
    auto_allocate_blocks: Spanned<bool>,
    #[expect(
        dead_code,
        reason = "0 means no limit, and a node has one block, so each number is enough"
    )]
    max_blocks_per_host: Option<u32>,
}

/// `ipam.yaml`: whether a node takes addresses from its own blocks only.
///
/// # Errors
///
/// When it has another structure.
pub(crate) fn read_strict_affinity(text: &str) -> Result<LineSpanned<bool>, ParseError> {
    let documents = yaml::documents(text);
    yaml::all_known(&documents, &["IPAMConfiguration"])?;
    let document = find(&documents, "IPAMConfiguration")?;
    let spec: IpamSpecYaml = singleton(document, PROJECT_CALICO)?;
    // Otherwise a node takes no block of its pool, and its pods get no address.
    document.exactly(spec.auto_allocate_blocks, true)?;
    Ok(document.with_line(spec.strict_affinity))
}

fn find<'documents, 'text>(
    documents: &'documents [YamlDocument<'text>],
    kind: &str,
) -> Result<&'documents YamlDocument<'text>, ParseError> {
    yaml::only(documents, kind)?
        .ok_or_else(|| ParseError { line: 0, message: format!("there is no {kind}") })
}

fn expect(document: &YamlDocument<'_>, kind: &str) -> Result<(), ParseError> {
    if document.kind == kind {
        return Ok(());
    }
    let message = format!("`{}` is not understood here", document.kind);
    Err(ParseError { line: document.first_line(), message })
}
