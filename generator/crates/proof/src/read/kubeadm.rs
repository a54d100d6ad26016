//! `kubeadm.yaml`: the node's registration, and on the init node the cluster's settings.

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;
use serde::Deserialize;
use serde_saphyr::Spanned;

use super::ParseError;
use super::kube_proxy::{self, KubeProxyConf};
use super::yaml::{self, YamlDocument};
use crate::span::LineSpanned;

/// One node.
#[derive(Debug)]
pub struct KubeadmConf {
    /// Its name in Kubernetes, and so the value of its label `kubernetes.io/hostname`.
    pub name: LineSpanned<String>,
    /// The address that kubelet registers.
    pub node_ip: LineSpanned<Ipv4Addr>,
    /// Its labels, `key=value`.
    pub labels: Vec<String>,
    /// The address that its API server advertises; none on workers.
    pub advertised: Option<LineSpanned<Ipv4Addr>>,
    /// The cluster's settings, which only the init node's file contains.
    pub cluster: Option<ClusterConf>,
}

/// The settings of the cluster.
#[derive(Debug)]
pub struct ClusterConf {
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
}

/// `InitConfiguration` and `JoinConfiguration` (kubeadm v1beta4).
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct KubeadmNodeYaml {
    node_registration: NodeRegistrationYaml,
    #[serde(rename = "localAPIEndpoint")]
    local_api_endpoint: Option<LocalApiEndpointYaml>,
    control_plane: Option<ControlPlaneYaml>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ControlPlaneYaml {
    #[serde(rename = "localAPIEndpoint")]
    local_api_endpoint: LocalApiEndpointYaml,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct LocalApiEndpointYaml {
    advertise_address: Spanned<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct NodeRegistrationYaml {
    name: Spanned<String>,
    #[serde(default)]
    kubelet_extra_args: Vec<ArgumentYaml>,
}

#[derive(Deserialize)]
struct ArgumentYaml {
    name: String,
    value: Spanned<String>,
}

/// `ClusterConfiguration`
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ClusterConfigurationYaml {
    control_plane_endpoint: Spanned<String>,
    networking: NetworkingYaml,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct NetworkingYaml {
    dns_domain: String,
    pod_subnet: Spanned<String>,
    service_subnet: Spanned<String>,
}

/// Reads a file.
///
/// # Errors
///
/// When a document is missing or has another structure.
pub(crate) fn read(text: &str) -> Result<KubeadmConf, ParseError> {
    let documents = yaml::documents(text);
    let find = |kind: &str| documents.iter().find(|document| document.kind == kind);
    let document = find("InitConfiguration").or_else(|| find("JoinConfiguration"));
    let node = document.ok_or_else(|| missing("InitConfiguration or JoinConfiguration"))?;
    let cluster = find("ClusterConfiguration").map(|cluster| {
        let kube_proxy = find("KubeProxyConfiguration");
        read_cluster(cluster, kube_proxy.ok_or_else(|| missing("KubeProxyConfiguration"))?)
    });
    read_node(node, cluster.transpose()?)
}

fn read_node(
    document: &YamlDocument<'_>,
    cluster: Option<ClusterConf>,
) -> Result<KubeadmConf, ParseError> {
    let node: KubeadmNodeYaml = document.read()?;
    let mut arguments = node.node_registration.kubelet_extra_args;
    let mut take = |name: &str| {
        let position = arguments.iter().position(|argument| argument.name == name)?;
        Some(arguments.swap_remove(position).value)
    };
    let node_ip = take("node-ip").ok_or_else(|| missing("kubelet's --node-ip"))?;
    let labels = take("node-labels").map(|labels| labels.value).unwrap_or_default();
    let from_control_plane =
        node.control_plane.map(|control_plane| control_plane.local_api_endpoint);
    let advertised = node.local_api_endpoint.or(from_control_plane);
    let advertised =
        advertised.map(|endpoint| document.parse("address", endpoint.advertise_address));
    Ok(KubeadmConf {
        name: document.with_line(node.node_registration.name),
        node_ip: document.parse("address", node_ip)?,
        labels: labels.split(',').map(str::to_owned).collect(),
        advertised: advertised.transpose()?,
        cluster,
    })
}

fn read_cluster(
    document: &YamlDocument<'_>,
    kube_proxy: &YamlDocument<'_>,
) -> Result<ClusterConf, ParseError> {
    let ClusterConfigurationYaml { control_plane_endpoint, networking } = document.read()?;
    Ok(ClusterConf {
        endpoint: document.with_line(control_plane_endpoint),
        pod_subnet: document.parse("subnet", networking.pod_subnet)?,
        service_subnet: document.parse("subnet", networking.service_subnet)?,
        dns_domain: networking.dns_domain,
        kube_proxy: kube_proxy::read_document(kube_proxy)?,
    })
}

fn missing(what: &str) -> ParseError {
    ParseError { line: 0, message: format!("{what} is missing") }
}
