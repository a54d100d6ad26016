//! kube-proxy's configuration: a document of the init node's `kubeadm.yaml`, and the patch of its
//! ConfigMap.

use ipnet::Ipv4Net;
use serde::Deserialize;
use serde_saphyr::Spanned;

use super::ParseError;
use super::yaml::{self, YamlDocument};
use crate::span::LineSpanned;

/// kube-proxy's configuration.
#[derive(Debug)]
pub struct KubeProxyConf {
    /// The mode, which decides at which hook packets are translated.
    pub mode: LineSpanned<ProxyMode>,
    /// Sources inside it are not masqueraded.
    pub cluster_cidr: LineSpanned<Ipv4Net>,
    /// The addresses at which NodePorts are served.
    pub node_port_addresses: LineSpanned<Vec<Ipv4Net>>,
    /// The address of health checks.
    pub healthz: LineSpanned<String>,
}

/// The mode of kube-proxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ProxyMode {
    /// Translates at the input hook: each ClusterIP is an address of kube-ipvs0.
    Ipvs,
    /// Translates at prerouting and output.
    Iptables,
    /// Translates at prerouting and output.
    Nftables,
}

/// `KubeProxyConfiguration` (kubeproxy.config.k8s.io/v1alpha1).
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct KubeProxyConfigurationYaml {
    mode: Spanned<ProxyMode>,
    #[serde(rename = "clusterCIDR")]
    cluster_cidr: Spanned<String>,
    node_port_addresses: Spanned<Vec<Ipv4Net>>,
    healthz_bind_address: Spanned<String>,
}

/// The data of a ConfigMap or of its patch.
#[derive(Deserialize)]
struct KubeProxyConfigMapYaml {
    data: KubeProxyDataYaml,
}

#[derive(Deserialize)]
struct KubeProxyDataYaml {
    #[serde(rename = "config.conf")]
    config: Spanned<String>,
}

/// Reads the document of `kubeadm.yaml`.
///
/// # Errors
///
/// When it has another structure.
pub(crate) fn read_document(document: &YamlDocument<'_>) -> Result<KubeProxyConf, ParseError> {
    let configuration: KubeProxyConfigurationYaml = document.read()?;
    Ok(KubeProxyConf {
        mode: document.with_line(configuration.mode),
        cluster_cidr: document.parse("subnet", configuration.cluster_cidr)?,
        node_port_addresses: document.with_line(configuration.node_port_addresses),
        healthz: document.with_line(configuration.healthz_bind_address),
    })
}

/// Reads the patch.
///
/// # Errors
///
/// When it has another structure.
pub(crate) fn read_patch(text: &str) -> Result<KubeProxyConf, ParseError> {
    let map: KubeProxyConfigMapYaml = yaml::documents(text)[0].read()?;
    // The line of a block scalar is that of its first text, not that of its key.
    let first_line = u32::try_from(map.data.config.referenced.line()).unwrap_or(0);
    let lines_before = first_line.saturating_sub(1);
    read_document(&yaml::documents_after(lines_before, &map.data.config.value)[0])
}
