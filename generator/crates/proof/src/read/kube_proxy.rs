//! kube-proxy's configuration: a document of the init node's `kubeadm.yaml`, and the patch of its
//! ConfigMap.

use ipnet::Ipv4Net;
use serde::Deserialize;
use serde_saphyr::Spanned;

use super::ParseError;
use super::yaml::{self, YamlDocument};
use crate::span::LineSpanned;
use meshwright_value::{Scheduler, Text as _};

/// kube-proxy's configuration.
#[derive(Debug, Clone)]
pub struct KubeProxyConf {
    /// Whether it names the kubeconfig in kube-proxy's pod.
    pub names_kubeconfig: bool,
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
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct KubeProxyConfigurationYaml {
    api_version: Spanned<String>,
    kind: Spanned<String>,
    client_connection: Option<ClientConnectionYaml>,
    #[expect(dead_code, reason = "the gate admits the mode ipvs in the releases that have it")]
    feature_gates: Option<FeatureGatesYaml>,
    ipvs: Option<IpvsYaml>,
    mode: Spanned<ProxyMode>,
    #[serde(rename = "clusterCIDR")]
    cluster_cidr: Spanned<String>,
    node_port_addresses: Spanned<Vec<Ipv4Net>>,
    healthz_bind_address: Spanned<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ClientConnectionYaml {
    kubeconfig: Spanned<String>,
}

/// Without the gate, the later releases refuse the mode ipvs (KEP-5495).
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "read so that another value is an error")]
struct FeatureGatesYaml {
    #[serde(rename = "KubeProxyIPVS")]
    ipvs: MustBeTrue,
}

/// `true`, and no other value.
#[derive(Deserialize)]
#[serde(try_from = "bool")]
struct MustBeTrue;

impl TryFrom<bool> for MustBeTrue {
    type Error = &'static str;

    fn try_from(value: bool) -> Result<Self, Self::Error> {
        if value { Ok(Self) } else { Err("with this value kube-proxy refuses the mode ipvs") }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct IpvsYaml {
    scheduler: Option<Spanned<String>>,
    #[expect(dead_code, reason = "it changes answers to ARP, which WireGuard does not carry")]
    #[serde(rename = "strictARP")]
    strict_arp: Option<bool>,
    #[serde(rename = "excludeCIDRs")]
    exclude_cidrs: Option<Spanned<Vec<String>>>,
}

/// The data of a ConfigMap or of its patch.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct KubeProxyConfigMapYaml {
    data: KubeProxyDataYaml,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
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
    document.exactly(configuration.api_version, "kubeproxy.config.k8s.io/v1alpha1")?;
    document.exactly(configuration.kind, "KubeProxyConfiguration")?;
    let kubeconfig = configuration.client_connection.map(|connection| connection.kubeconfig);
    let names_kubeconfig = kubeconfig.is_some();
    if let Some(kubeconfig) = kubeconfig {
        document.exactly(kubeconfig, KUBECONFIG)?;
    }
    read_ipvs(document, configuration.ipvs)?;
    Ok(KubeProxyConf {
        names_kubeconfig,
        mode: document.with_line(configuration.mode),
        cluster_cidr: document.parse("subnet", configuration.cluster_cidr)?,
        node_port_addresses: document.with_line(configuration.node_port_addresses),
        healthz: document.with_line(configuration.healthz_bind_address),
    })
}

/// The kubeconfig in kube-proxy's pod (kubeadm, `phases/addons/proxy/manifests.go`).
const KUBECONFIG: &str = "/var/lib/kube-proxy/kubeconfig.conf";

/// A virtual server in `excludeCIDRs` would stay when its Service is gone.
fn read_ipvs(document: &YamlDocument<'_>, ipvs: Option<IpvsYaml>) -> Result<(), ParseError> {
    let Some(IpvsYaml { scheduler, exclude_cidrs, .. }) = ipvs else { return Ok(()) };
    if let Some(scheduler) = scheduler {
        let LineSpanned { value, line } = document.with_line(scheduler);
        if Scheduler::parse(&value).is_err() {
            return Err(ParseError {
                line,
                message: format!("`{value}` is not a known scheduler"),
            });
        }
    }
    if let Some(excluded) = exclude_cidrs.filter(|excluded| !excluded.value.is_empty()) {
        let line = document.with_line(excluded).line;
        let message = "kube-proxy leaves virtual servers in these subnets behind".to_owned();
        return Err(ParseError { line, message });
    }
    Ok(())
}

/// Reads the patch.
///
/// # Errors
///
/// When it has another structure.
pub(crate) fn read_patch(text: &str) -> Result<KubeProxyConf, ParseError> {
    let map: KubeProxyConfigMapYaml = yaml::single(&yaml::documents(text))?.read()?;
    // The line of a block scalar is that of its first text, not that of its key.
    let first_line = u32::try_from(map.data.config.referenced.line()).unwrap_or(0);
    let lines_before = first_line.saturating_sub(1);
    let documents = yaml::documents_after(lines_before, &map.data.config.value);
    let conf = read_document(&yaml::single(&documents)?)?;
    if conf.names_kubeconfig {
        return Ok(conf);
    }
    // kubeadm adds it to the configuration of a new cluster; the patch replaces the whole text.
    let message =
        "without clientConnection, kube-proxy calls the API by the Service that it must program"
            .to_owned();
    Err(ParseError { line: first_line, message })
}
