//! kube-proxy's configuration: in the init node's `kubeadm.yaml`, and whole in the patch of its
//! ConfigMap.

use ipnet::Ipv4Net;
use serde::Deserialize;
use serde_saphyr::Spanned;

use super::Unread;
use super::yaml::{self, Document};
use crate::span::At;

/// How Services are translated.
#[derive(Debug)]
pub struct KubeProxy {
    /// Where in the way of a packet.
    pub mode: At<Mode>,
    /// Sources inside it are not masqueraded.
    pub cluster_cidr: At<Ipv4Net>,
    /// The addresses at which NodePorts answer.
    pub node_port_addresses: At<Vec<Ipv4Net>>,
    /// Where it answers health checks.
    pub healthz: At<String>,
}

/// How kube-proxy works.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// At the input hook, since each ClusterIP is an address of kube-ipvs0.
    Ipvs,
    /// At prerouting and output.
    Iptables,
    /// At prerouting and output.
    Nftables,
}

/// `KubeProxyConfiguration` (kubeproxy.config.k8s.io/v1alpha1).
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Configuration {
    mode: Spanned<Mode>,
    #[serde(rename = "clusterCIDR")]
    cluster_cidr: Spanned<String>,
    node_port_addresses: Spanned<Vec<Ipv4Net>>,
    healthz_bind_address: Spanned<String>,
}

/// A ConfigMap, or what a patch holds of one.
#[derive(Deserialize)]
struct ConfigMap {
    data: Data,
}

#[derive(Deserialize)]
struct Data {
    #[serde(rename = "config.conf")]
    config: Spanned<String>,
}

/// Reads the document of `kubeadm.yaml`.
///
/// # Errors
///
/// When it has another shape.
pub fn read_document(document: &Document<'_>) -> Result<KubeProxy, Unread> {
    let configuration: Configuration = document.read()?;
    Ok(KubeProxy {
        mode: document.at(configuration.mode),
        cluster_cidr: document.parse("subnet", configuration.cluster_cidr)?,
        node_port_addresses: document.at(configuration.node_port_addresses),
        healthz: document.at(configuration.healthz_bind_address),
    })
}

/// Reads the patch.
///
/// # Errors
///
/// When it has another shape.
pub fn read_patch(text: &str) -> Result<KubeProxy, Unread> {
    let map: ConfigMap = yaml::documents(text)[0].read()?;
    // A block scalar begins on the line after its head.
    let head = u32::try_from(map.data.config.referenced.line()).unwrap_or(0);
    read_document(&yaml::documents_after(head, &map.data.config.value)[0])
}
