//! The rules: a file in the cluster, or the same for Cloudflare's API.

use serde::Serialize;

use crate::encode::yaml;
use crate::kubernetes::manifest::{Manifest, ObjectMeta};
use crate::plan::tunnel::{self, NAMESPACE, TunnelPlan};
use meshwright_value::{
    AudienceTag, OriginAccess, OriginRequest, OriginTimeout, TunnelId, TunnelMode, TunnelProtocol,
};

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
    origin_request: Option<CloudflaredOriginRequest<'plan>>,
}

/// `OriginRequestConfig` of cloudflared (config/configuration.go). A time is a text with a unit in the file, and a
/// number of seconds in the API (`CustomDuration`).
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CloudflaredOriginRequest<'plan> {
    #[serde(skip_serializing_if = "Option::is_none")]
    connect_timeout: Option<CloudflaredDuration>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tls_timeout: Option<CloudflaredDuration>,
    #[serde(skip_serializing_if = "Option::is_none")]
    keep_alive_timeout: Option<CloudflaredDuration>,
    #[serde(skip_serializing_if = "Option::is_none")]
    keep_alive_connections: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    http_host_header: Option<&'plan str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    origin_server_name: Option<&'plan str>,
    #[serde(rename = "noTLSVerify", skip_serializing_if = "std::ops::Not::not")]
    no_tls_verify: bool,
    #[serde(rename = "http2Origin", skip_serializing_if = "std::ops::Not::not")]
    http2_origin: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    disable_chunked_encoding: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    access: Option<CloudflaredAccess<'plan>>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum CloudflaredDuration {
    File(String),
    Api(u32),
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CloudflaredAccess<'plan> {
    required: bool,
    team_name: &'plan str,
    aud_tag: &'plan [AudienceTag],
}

impl<'plan> CloudflaredAccess<'plan> {
    fn of(access: &'plan OriginAccess) -> Self {
        let OriginAccess { team_name, aud_tags } = access;
        Self { required: true, team_name: team_name.as_str(), aud_tag: aud_tags }
    }
}

/// The last rule must match everything.
const CATCH_ALL: CloudflaredIngressRule<'static> =
    CloudflaredIngressRule { hostname: None, service: "http_status:404", origin_request: None };

fn rules(tunnel: &TunnelPlan, mode: TunnelMode) -> Vec<CloudflaredIngressRule<'_>> {
    let rules = tunnel.rules.iter().map(|rule| CloudflaredIngressRule {
        hostname: Some(rule.hostname.as_str()),
        service: &rule.service,
        origin_request: origin_request(&rule.request, mode),
    });
    rules.chain([CATCH_ALL]).collect()
}

/// The settings; none if all are cloudflared's defaults.
fn origin_request(
    request: &OriginRequest,
    mode: TunnelMode,
) -> Option<CloudflaredOriginRequest<'_>> {
    if *request == OriginRequest::default() {
        return None;
    }
    let duration = |timeout: Option<OriginTimeout>| {
        timeout.map(|timeout| match mode {
            TunnelMode::Local => CloudflaredDuration::File(format!("{timeout}s")),
            TunnelMode::Remote => CloudflaredDuration::Api(timeout.get()),
        })
    };
    Some(CloudflaredOriginRequest {
        connect_timeout: duration(request.connect_timeout),
        tls_timeout: duration(request.tls_timeout),
        keep_alive_timeout: duration(request.keep_alive_timeout),
        keep_alive_connections: request.keep_alive_connections.map(|count| count.get()),
        http_host_header: request.http_host_header.as_ref().map(|name| name.as_str()),
        origin_server_name: request.origin_server_name.as_ref().map(|name| name.as_str()),
        no_tls_verify: request.no_tls_verify,
        http2_origin: request.http2_origin,
        disable_chunked_encoding: request.disable_chunked_encoding,
        access: request.access.as_ref().map(CloudflaredAccess::of),
    })
}

/// The text of the file; none if Cloudflare stores the rules.
pub(super) fn text(tunnel: &TunnelPlan) -> Option<String> {
    let configuration = CloudflaredConfiguration {
        tunnel: &tunnel.id,
        credentials_file: format!("{CREDENTIALS}/{}", tunnel::secret_key(tunnel.mode)),
        metrics: metrics_address(),
        edge_ip_version: EDGE_IP_VERSION,
        protocol: protocol(tunnel),
        ingress: rules(tunnel, TunnelMode::Local),
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
    RemoteConfigurationPayload {
        config: RemoteConfiguration { ingress: rules(tunnel, TunnelMode::Remote) },
    }
}
