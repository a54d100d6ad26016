//! Calico's objects: pools, BGP, Felix. What is left to a default is an error, since defaults are what
//! breaks this mesh: a pool without `encapsulation` is encapsulated, one without `nodeSelector` is
//! everybody's.

use ipnet::Ipv4Net;
use serde::Deserialize;
use serde_saphyr::Spanned;

use super::Unread;
use super::yaml::{self, Document};
use crate::span::At;

/// The operator's `Installation`.
#[derive(Debug)]
pub struct Installation {
    /// The MTU of pods.
    pub mtu: At<u16>,
    /// Whether BIRD runs.
    pub bgp: At<bool>,
    /// How Felix programs the host.
    pub dataplane: At<Dataplane>,
    /// The pattern of the interface whose address is a node's.
    pub interface: At<String>,
    /// Its pools.
    pub pools: Vec<Pool>,
}

/// How Felix programs the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum Dataplane {
    /// iptables, beside kube-proxy's iptables and ipvs.
    Iptables,
    /// nftables, beside kube-proxy's nftables.
    Nftables,
}

/// One pool.
#[derive(Debug)]
pub struct Pool {
    /// Its name.
    pub name: String,
    /// Its addresses.
    pub cidr: At<Ipv4Net>,
    /// The prefix length of the blocks that it is handed out in.
    pub block_size: At<u8>,
    /// Whether packets between its nodes are encapsulated once more.
    pub encapsulated: At<bool>,
    /// Whether its pods reach the Internet under their node's address.
    pub nat_outgoing: At<bool>,
    /// The nodes that take addresses from it.
    pub node_selector: At<String>,
}

impl Pool {
    /// The one node that it selects.
    #[must_use]
    pub fn node(&self) -> Option<&str> {
        let selector = self.node_selector.value.strip_prefix("kubernetes.io/hostname == '")?;
        selector.strip_suffix('\'').filter(|name| !name.contains('\''))
    }
}

#[derive(Deserialize)]
struct Object<S> {
    metadata: Metadata,
    spec: S,
}

#[derive(Deserialize)]
struct Metadata {
    name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct InstallationSpec {
    calico_network: Network,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Network {
    bgp: Spanned<Switch>,
    linux_dataplane: Spanned<Dataplane>,
    mtu: Spanned<u16>,
    #[serde(rename = "nodeAddressAutodetectionV4")]
    autodetection: Autodetection,
    ip_pools: Vec<OperatorPool>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Autodetection {
    interface: Spanned<String>,
}

#[derive(Deserialize, Clone, Copy, PartialEq, Eq)]
enum Switch {
    Enabled,
    Disabled,
}

/// A pool of the operator's (operator.tigera.io/v1).
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct OperatorPool {
    name: String,
    cidr: Spanned<String>,
    block_size: Spanned<u8>,
    encapsulation: Spanned<String>,
    nat_outgoing: Spanned<Switch>,
    node_selector: Spanned<String>,
    allowed_uses: Vec<Use>,
    #[expect(dead_code, reason = "read, so that any other word is noticed")]
    assignment_mode: Option<Assignment>,
    #[expect(dead_code, reason = "read, so that any other word is noticed")]
    #[serde(rename = "disableBGPExport")]
    hidden: Option<No>,
    #[expect(dead_code, reason = "read, so that any other word is noticed")]
    #[serde(rename = "disableNewAllocations")]
    closed: Option<No>,
}

/// A pool of Calico's (projectcalico.org/v3).
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct V3Pool {
    cidr: Spanned<String>,
    block_size: Spanned<u8>,
    ipip_mode: Spanned<String>,
    vxlan_mode: Spanned<String>,
    nat_outgoing: Spanned<bool>,
    node_selector: Spanned<String>,
    allowed_uses: Vec<Use>,
    #[expect(dead_code, reason = "read, so that any other word is noticed")]
    assignment_mode: Option<Assignment>,
    #[expect(dead_code, reason = "read, so that any other word is noticed")]
    #[serde(rename = "disableBGPExport")]
    hidden: Option<No>,
    #[expect(dead_code, reason = "read, so that any other word is noticed")]
    #[serde(rename = "disabled")]
    closed: Option<No>,
}

#[derive(Deserialize, PartialEq, Eq)]
enum Use {
    Workload,
}

#[derive(Deserialize)]
enum Assignment {
    Automatic,
}

/// `false`, and nothing else: a pool that is closed, or that BGP does not tell of, has no pods.
#[derive(Deserialize)]
#[serde(try_from = "bool")]
struct No;

impl TryFrom<bool> for No {
    type Error = &'static str;

    fn try_from(value: bool) -> Result<Self, Self::Error> {
        if value { Err("this keeps pods from its node") } else { Ok(Self) }
    }
}

/// Reads `installation.yaml`.
///
/// # Errors
///
/// When it has another shape.
pub fn read_installation(text: &str) -> Result<Installation, Unread> {
    let documents = yaml::documents(text);
    let document = find(&documents, "Installation")?;
    let Object { spec, .. } = document.read::<Object<InstallationSpec>>()?;
    let network = spec.calico_network;
    let bgp = document.at(network.bgp);
    Ok(Installation {
        mtu: document.at(network.mtu),
        bgp: At { value: bgp.value == Switch::Enabled, line: bgp.line },
        dataplane: document.at(network.linux_dataplane),
        interface: document.at(network.autodetection.interface),
        pools: network
            .ip_pools
            .into_iter()
            .map(|pool| operator_pool(document, pool))
            .collect::<Result<_, _>>()?,
    })
}

fn operator_pool(document: &Document<'_>, pool: OperatorPool) -> Result<Pool, Unread> {
    let encapsulation = document.at(pool.encapsulation);
    let nat_outgoing = document.at(pool.nat_outgoing);
    let cidr = document.parse("subnet", pool.cidr)?;
    workload(&pool.allowed_uses, cidr.line)?;
    Ok(Pool {
        name: pool.name,
        cidr,
        block_size: document.at(pool.block_size),
        encapsulated: At { value: encapsulation.value != "None", line: encapsulation.line },
        nat_outgoing: At { value: nat_outgoing.value == Switch::Enabled, line: nat_outgoing.line },
        node_selector: document.at(pool.node_selector),
    })
}

/// Reads `ip-pools.yaml`.
///
/// # Errors
///
/// When a document has another shape.
pub fn read_pools(text: &str) -> Result<Vec<Pool>, Unread> {
    yaml::documents(text).iter().map(v3_pool).collect()
}

fn v3_pool(document: &Document<'_>) -> Result<Pool, Unread> {
    expect(document, "IPPool")?;
    let Object { metadata, spec } = document.read::<Object<V3Pool>>()?;
    let modes = [document.at(spec.ipip_mode), document.at(spec.vxlan_mode)];
    let encapsulated = modes.iter().find(|mode| mode.value != "Never");
    let cidr = document.parse("subnet", spec.cidr)?;
    workload(&spec.allowed_uses, cidr.line)?;
    Ok(Pool {
        name: metadata.name,
        cidr,
        block_size: document.at(spec.block_size),
        encapsulated: At {
            value: encapsulated.is_some(),
            line: encapsulated.unwrap_or(&modes[0]).line,
        },
        nat_outgoing: document.at(spec.nat_outgoing),
        node_selector: document.at(spec.node_selector),
    })
}

fn workload(uses: &[Use], line: u32) -> Result<(), Unread> {
    if uses == [Use::Workload] {
        return Ok(());
    }
    Err(Unread { line, message: "the pool is not for workloads alone".to_owned() })
}

/// `bgp.yaml`: who speaks with whom.
#[derive(Debug)]
pub struct Bgp {
    /// Whether every node speaks with every other.
    pub full_mesh: At<bool>,
    /// The addresses that BIRD listens on.
    pub bind_mode: At<String>,
    /// The port.
    pub listen_port: At<u16>,
    /// The label of the nodes that all others speak with, `key=value`, if there are such.
    pub reflectors: Option<At<String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[expect(dead_code, reason = "read, so that any further key is noticed")]
struct BgpSpec {
    as_number: u32,
    node_to_node_mesh_enabled: Spanned<bool>,
    bind_mode: Spanned<String>,
    listen_port: Spanned<u16>,
    log_severity_screen: Option<String>,
    node_mesh_password: Option<serde_json::Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[expect(dead_code, reason = "read, so that any further key is noticed")]
struct BgpPeerSpec {
    node_selector: Spanned<String>,
    peer_selector: Spanned<String>,
    password: Option<serde_json::Value>,
}

/// Reads `bgp.yaml`.
///
/// # Errors
///
/// When it has another shape.
pub fn read_bgp(text: &str) -> Result<Bgp, Unread> {
    let documents = yaml::documents(text);
    let document = find(&documents, "BGPConfiguration")?;
    let Object { spec, .. } = document.read::<Object<BgpSpec>>()?;
    let peers = documents.iter().filter(|document| document.kind == "BGPPeer");
    let peers = peers.map(reflectors).collect::<Result<Vec<_>, _>>()?;
    Ok(Bgp {
        full_mesh: document.at(spec.node_to_node_mesh_enabled),
        bind_mode: document.at(spec.bind_mode),
        listen_port: document.at(spec.listen_port),
        reflectors: peers.into_iter().next(),
    })
}

/// `key == 'value'` as the label `key=value`.
fn reflectors(document: &Document<'_>) -> Result<At<String>, Unread> {
    let Object { spec, .. } = document.read::<Object<BgpPeerSpec>>()?;
    let nodes = document.at(spec.node_selector);
    let peers = document.at(spec.peer_selector);
    let not_understood =
        |line| Unread { line, message: "the selector is not understood".to_owned() };
    if nodes.value != "all()" {
        return Err(not_understood(nodes.line));
    }
    let label = peers
        .value
        .split_once(" == '")
        .and_then(|(key, value)| Some(format!("{key}={}", value.strip_suffix('\'')?)));
    Ok(At { value: label.ok_or_else(|| not_understood(peers.line))?, line: peers.line })
}

/// `felix.yaml`
#[derive(Debug)]
pub struct Felix {
    /// Whether what pods send to nodes keeps its source.
    pub spares_nodes: At<bool>,
    /// The pattern of the interfaces that MTUs are taken from.
    pub mtu_interface: At<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct FelixSpec {
    mtu_iface_pattern: Spanned<String>,
    nat_outgoing_exclusions: Spanned<String>,
}

/// Reads `felix.yaml`.
///
/// # Errors
///
/// When it has another shape.
pub fn read_felix(text: &str) -> Result<Felix, Unread> {
    let documents = yaml::documents(text);
    let document = find(&documents, "FelixConfiguration")?;
    let Object { spec, .. } = document.read::<Object<FelixSpec>>()?;
    let exclusions = document.at(spec.nat_outgoing_exclusions);
    Ok(Felix {
        spares_nodes: At { value: exclusions.value == "IPPoolsAndHostIPs", line: exclusions.line },
        mtu_interface: document.at(spec.mtu_iface_pattern),
    })
}

/// `ipam.yaml`: whether a node takes from its own blocks alone.
///
/// # Errors
///
/// When it has another shape.
pub fn read_strict_affinity(text: &str) -> Result<At<bool>, Unread> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct IpamSpec {
        strict_affinity: Spanned<bool>,
    }
    let documents = yaml::documents(text);
    let document = find(&documents, "IPAMConfiguration")?;
    let Object { spec, .. } = document.read::<Object<IpamSpec>>()?;
    Ok(document.at(spec.strict_affinity))
}

fn find<'documents, 'text>(
    documents: &'documents [Document<'text>],
    kind: &str,
) -> Result<&'documents Document<'text>, Unread> {
    let found = documents.iter().find(|document| document.kind == kind);
    found.ok_or_else(|| Unread { line: 0, message: format!("there is no {kind}") })
}

fn expect(document: &Document<'_>, kind: &str) -> Result<(), Unread> {
    if document.kind == kind {
        return Ok(());
    }
    let message = format!("`{}` is not understood here", document.kind);
    Err(Unread { line: document.first_line(), message })
}
