//! kube-proxy's configuration: a document of the init node's `kubeadm.yaml`, and the patch of its
//! ConfigMap.

use ipnet::Ipv4Net;
use serde::Deserialize;
use serde_saphyr::Spanned;

use super::ParseError;
use super::yaml::{self, YamlDocument};
use crate::span::LineSpanned;
use meshwright_value::{Number as _, Scheduler, TcpTimeout, Text as _};

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
    /// Seconds after which IPVS forgets an idle TCP connection; none is the kernel's default.
    pub tcp_timeout: Option<TcpTimeout>,
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
    tcp_timeout: Option<Spanned<String>>,
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
    let tcp_timeout =
        configuration.ipvs.map(|ipvs| read_ipvs(document, ipvs)).transpose()?.flatten();
    Ok(KubeProxyConf {
        names_kubeconfig,
        mode: document.with_line(configuration.mode),
        cluster_cidr: document.parse("subnet", configuration.cluster_cidr)?,
        node_port_addresses: document.with_line(configuration.node_port_addresses),
        healthz: document.with_line(configuration.healthz_bind_address),
        tcp_timeout,
    })
}

/// The kubeconfig in kube-proxy's pod (kubeadm, `phases/addons/proxy/manifests.go`).
const KUBECONFIG: &str = "/var/lib/kube-proxy/kubeconfig.conf";

/// The timeout of TCP. A virtual server in `excludeCIDRs` would stay when its Service is gone.
fn read_ipvs(
    document: &YamlDocument<'_>,
    ipvs: IpvsYaml,
) -> Result<Option<TcpTimeout>, ParseError> {
    let IpvsYaml { scheduler, exclude_cidrs, tcp_timeout, .. } = ipvs;
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
    tcp_timeout.map(|timeout| read_timeout(document, timeout)).transpose()
}

/// A duration of Go in whole seconds, such as `24h0m0s`.
fn read_timeout(
    document: &YamlDocument<'_>,
    timeout: Spanned<String>,
) -> Result<TcpTimeout, ParseError> {
    let LineSpanned { value, line } = document.with_line(timeout);
    let timeout = seconds(&value).and_then(|seconds| TcpTimeout::from_integer(seconds).ok());
    let message = format!("`{value}` is not a duration from 1s to 596h31m23s");
    timeout.ok_or(ParseError { line, message })
}

fn seconds(duration: &str) -> Option<i64> {
    let (mut rest, mut sum) = (duration, 0_i64);
    for (unit, length) in [('h', 3_600), ('m', 60), ('s', 1)] {
        let Some((number, after)) = rest.split_once(unit) else { continue };
        if number.starts_with(['+', '-']) {
            return None;
        }
        sum = sum.checked_add(number.parse::<i64>().ok()?.checked_mul(length)?)?;
        rest = after;
    }
    rest.is_empty().then_some(sum)
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

#[cfg(test)]
mod tests {
    use super::seconds;

    #[test]
    fn durations_are_those_of_go() {
        let table = [
            ("24h0m0s", Some(86_400)),
            ("59m59s", Some(3_599)),
            ("7s", Some(7)),
            ("1.5h", None),
            ("7", None),
            ("-7s", None),
            ("1s2h", None),
        ];
        for (text, expected) in table {
            assert_eq!(seconds(text), expected, "{text}");
        }
    }
}
