//! The rules: a file in the cluster, or the same for Cloudflare's API.

use serde::Serialize;

use crate::encode::yaml;
use crate::kubernetes::manifest::{Manifest, ObjectMeta};
use crate::plan::tunnel::{self, NAMESPACE, TunnelPlan};
use meshwright_value::{TunnelId, TunnelMode, TunnelProtocol};

/// The ConfigMap, and its key.
pub(super) const CONFIG_MAP: &str = "cloudflared";
pub(super) const FILE: &str = "config.yaml";

/// The port of metrics and probes: the default of the image is the first free port of five.
pub(super) const METRICS_PORT: u16 = 2000;

/// The folder with the credentials.
pub(super) const CREDENTIALS: &str = "/etc/cloudflared/credentials";

/// cloudflared's configuration file. cloudflared ignores unknown keys, so these are all typed.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct CloudflaredConfiguration<'plan> {
    tunnel: &'plan TunnelId,
    credentials_file: String,
    metrics: String,
    /// Pods have no IPv6, and the default tries it.
    edge_ip_version: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    protocol: Option<&'static str>,
    ingress: Vec<CloudflaredIngressRule<'plan>>,
}

/// One entry of `ingress`, in the file and in the API alike.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CloudflaredIngressRule<'plan> {
    #[serde(skip_serializing_if = "Option::is_none")]
    hostname: Option<&'plan str>,
    service: &'plan str,
    #[serde(skip_serializing_if = "Option::is_none")]
    origin_request: Option<OriginRequest<'plan>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct OriginRequest<'plan> {
    http_host_header: &'plan str,
}

/// The last rule must match everything.
const CATCH_ALL: CloudflaredIngressRule<'static> =
    CloudflaredIngressRule { hostname: None, service: "http_status:404", origin_request: None };

fn rules(tunnel: &TunnelPlan) -> Vec<CloudflaredIngressRule<'_>> {
    let rules = tunnel.rules.iter().map(rule);
    rules.chain([CATCH_ALL]).collect()
}

fn rule(rule: &tunnel::TunnelRule) -> CloudflaredIngressRule<'_> {
    let hostname = rule.hostname.as_str();
    CloudflaredIngressRule {
        hostname: Some(hostname),
        service: &rule.service,
        origin_request: rule.sets_host.then_some(OriginRequest { http_host_header: hostname }),
    }
}

/// The text of the file; none if Cloudflare stores the rules.
pub(super) fn text(tunnel: &TunnelPlan) -> Option<String> {
    let configuration = CloudflaredConfiguration {
        tunnel: &tunnel.id,
        credentials_file: format!("{CREDENTIALS}/{}", tunnel::secret_key(tunnel.mode)),
        metrics: metrics_address(),
        edge_ip_version: EDGE_IP_VERSION,
        protocol: protocol(tunnel),
        ingress: rules(tunnel),
    };
    (tunnel.mode == TunnelMode::Local).then(|| yaml::text(&configuration))
}

/// `protocol`, in the file or as a flag; none is cloudflared's default `auto`.
pub(super) fn protocol(tunnel: &TunnelPlan) -> Option<&'static str> {
    let protocol = tunnel.connectors.protocol;
    (protocol != TunnelProtocol::Auto).then_some(protocol.as_str())
}

/// `metrics`, in the file or as a flag.
pub(super) fn metrics_address() -> String {
    format!("0.0.0.0:{METRICS_PORT}")
}

/// `edge-ip-version`, in the file or as a flag.
pub(super) const EDGE_IP_VERSION: &str = "4";

#[derive(Serialize)]
pub(super) struct CloudflaredConfigMap {
    metadata: ObjectMeta<'static>,
    data: CloudflaredConfigMapData,
}

#[derive(Serialize)]
struct CloudflaredConfigMapData {
    #[serde(rename = "config.yaml")]
    config: String,
}

pub(super) fn config_map(tunnel: &TunnelPlan) -> Option<Manifest<CloudflaredConfigMap>> {
    let data = CloudflaredConfigMapData { config: text(tunnel)? };
    let fields =
        CloudflaredConfigMap { metadata: ObjectMeta::namespaced(CONFIG_MAP, NAMESPACE), data };
    Some(Manifest { api_version: "v1", kind: "ConfigMap", fields })
}

/// The body of the request that gives Cloudflare the same rules.
#[derive(Serialize)]
pub(super) struct RemoteConfigurationPayload<'plan> {
    config: RemoteConfiguration<'plan>,
}

#[derive(Serialize)]
struct RemoteConfiguration<'plan> {
    ingress: Vec<CloudflaredIngressRule<'plan>>,
}

pub(super) fn payload(tunnel: &TunnelPlan) -> RemoteConfigurationPayload<'_> {
    RemoteConfigurationPayload { config: RemoteConfiguration { ingress: rules(tunnel) } }
}
