//! `kubeadm.yaml`: the node as Kubernetes knows it, and on the init node the cluster's subnets.

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;
use serde::Deserialize;
use serde_saphyr::Spanned;

use super::Unread;
use super::kube_proxy::{self, KubeProxy};
use super::yaml::{self, Document};
use crate::span::At;

/// One node.
#[derive(Debug)]
pub struct Kubeadm {
    /// Its name in Kubernetes, and so the value of its label `kubernetes.io/hostname`.
    pub name: At<String>,
    /// Where kubelet says it is.
    pub node_ip: At<Ipv4Addr>,
    /// Its labels, `key=value`.
    pub labels: Vec<String>,
    /// Where its API server is found; none on workers.
    pub advertised: Option<At<Ipv4Addr>>,
    /// What only the init node's file says.
    pub cluster: Option<Cluster>,
}

/// What all nodes have in common.
#[derive(Debug)]
pub struct Cluster {
    /// The name and port of the API.
    pub endpoint: At<String>,
    /// What pods live in.
    pub pod_subnet: At<Ipv4Net>,
    /// What Services live in.
    pub service_subnet: At<Ipv4Net>,
    /// What their names end in.
    pub dns_domain: String,
    /// kube-proxy's first configuration.
    pub kube_proxy: KubeProxy,
}

/// `InitConfiguration` and `JoinConfiguration` (kubeadm v1beta4).
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Node {
    node_registration: Registration,
    #[serde(rename = "localAPIEndpoint")]
    local_api_endpoint: Option<Advertised>,
    control_plane: Option<ControlPlane>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ControlPlane {
    #[serde(rename = "localAPIEndpoint")]
    local_api_endpoint: Advertised,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Advertised {
    advertise_address: Spanned<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Registration {
    name: Spanned<String>,
    #[serde(default)]
    kubelet_extra_args: Vec<Argument>,
}

#[derive(Deserialize)]
struct Argument {
    name: String,
    value: Spanned<String>,
}

/// `ClusterConfiguration`
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ClusterConfiguration {
    control_plane_endpoint: Spanned<String>,
    networking: Networking,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Networking {
    dns_domain: String,
    pod_subnet: Spanned<String>,
    service_subnet: Spanned<String>,
}

/// Reads a file.
///
/// # Errors
///
/// When a document is missing or has another shape.
pub fn read(text: &str) -> Result<Kubeadm, Unread> {
    let documents = yaml::documents(text);
    let of = |kind: &str| documents.iter().find(|document| document.kind == kind);
    let document = of("InitConfiguration").or_else(|| of("JoinConfiguration"));
    let document = document.ok_or_else(|| missing("InitConfiguration or JoinConfiguration"))?;
    let cluster = of("ClusterConfiguration").map(|cluster| {
        let kube_proxy = of("KubeProxyConfiguration");
        read_cluster(cluster, kube_proxy.ok_or_else(|| missing("KubeProxyConfiguration"))?)
    });
    read_node(document, cluster.transpose()?)
}

fn read_node(document: &Document<'_>, cluster: Option<Cluster>) -> Result<Kubeadm, Unread> {
    let node: Node = document.read()?;
    let mut arguments = node.node_registration.kubelet_extra_args;
    let mut take = |name: &str| {
        let position = arguments.iter().position(|argument| argument.name == name)?;
        Some(arguments.swap_remove(position).value)
    };
    let node_ip = take("node-ip").ok_or_else(|| missing("kubelet's --node-ip"))?;
    let labels = take("node-labels").map(|labels| labels.value).unwrap_or_default();
    let of_control_plane = node.control_plane.map(|control_plane| control_plane.local_api_endpoint);
    let advertised = node.local_api_endpoint.or(of_control_plane);
    let advertised =
        advertised.map(|endpoint| document.parse("address", endpoint.advertise_address));
    Ok(Kubeadm {
        name: document.at(node.node_registration.name),
        node_ip: document.parse("address", node_ip)?,
        labels: labels.split(',').map(str::to_owned).collect(),
        advertised: advertised.transpose()?,
        cluster,
    })
}

fn read_cluster(document: &Document<'_>, kube_proxy: &Document<'_>) -> Result<Cluster, Unread> {
    let ClusterConfiguration { control_plane_endpoint, networking } = document.read()?;
    Ok(Cluster {
        endpoint: document.at(control_plane_endpoint),
        pod_subnet: document.parse("subnet", networking.pod_subnet)?,
        service_subnet: document.parse("subnet", networking.service_subnet)?,
        dns_domain: networking.dns_domain,
        kube_proxy: kube_proxy::read_document(kube_proxy)?,
    })
}

fn missing(what: &str) -> Unread {
    Unread { line: 0, message: format!("{what} is missing") }
}
