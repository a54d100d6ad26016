//! cloudflared's rules: its configuration file, or the document for Cloudflare's API.
//!
//! cloudflared ignores unknown keys without an error message. This reader refuses them.

use serde::Deserialize;
use serde_saphyr::Spanned;

use super::ParseError;
use super::yaml::{self, YamlDocument};
use crate::span::{FileId, FileSpanned};
use meshwright_value::TunnelProtocol;

/// The configuration file.
#[derive(Debug, Clone)]
pub struct TunnelConfiguration {
    /// The tunnel's UUID.
    pub tunnel: FileSpanned<String>,
    /// The file with the credential.
    pub credentials: FileSpanned<String>,
    /// The address of metrics and probes.
    pub metrics: FileSpanned<String>,
    /// The protocol of the connections to the edge.
    pub protocol: TunnelProtocol,
    /// The rules.
    pub rules: Vec<TunnelRule>,
}

/// One rule. The first rule that matches is used.
#[derive(Debug, Clone)]
pub struct TunnelRule {
    /// The names that it matches; without one, all names.
    pub hostname: Option<FileSpanned<String>>,
    /// The destination of requests.
    pub service: FileSpanned<String>,
    /// The Host header for the origin, instead of the visitor's.
    pub host_header: Option<FileSpanned<String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct TunnelConfigurationYaml {
    tunnel: Spanned<String>,
    credentials_file: Spanned<String>,
    metrics: Spanned<String>,
    #[expect(dead_code, reason = "pods have IPv4 only: read so that another value is an error")]
    edge_ip_version: Ipv4Only,
    protocol: Option<ProtocolYaml>,
    ingress: Vec<TunnelRuleYaml>,
}

/// cloudflared does not start with another value, and its own check accepts any.
#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum ProtocolYaml {
    Auto,
    Quic,
    Http2,
}

impl ProtocolYaml {
    const fn value(&self) -> TunnelProtocol {
        match self {
            Self::Auto => TunnelProtocol::Auto,
            Self::Quic => TunnelProtocol::Quic,
            Self::Http2 => TunnelProtocol::Http2,
        }
    }
}

#[derive(Deserialize)]
enum Ipv4Only {
    #[serde(rename = "4")]
    Ipv4,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct TunnelRuleYaml {
    hostname: Option<Spanned<String>>,
    service: Spanned<String>,
    origin_request: Option<OriginRequestYaml>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct OriginRequestYaml {
    http_host_header: Spanned<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RemotePayloadJson {
    config: RemoteConfigurationJson,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RemoteConfigurationJson {
    ingress: Vec<TunnelRuleYaml>,
}

/// Reads the configuration file, which is a text inside another file. `lines` is the number of lines
/// before it.
///
/// # Errors
///
/// When it has another structure.
pub(crate) fn read(
    text: &str,
    file: FileId,
    lines: u32,
) -> Result<TunnelConfiguration, ParseError> {
    let document = yaml::documents_after(lines, text)[0];
    let read: TunnelConfigurationYaml = document.read()?;
    Ok(TunnelConfiguration {
        tunnel: document.with_place(file, read.tunnel),
        credentials: document.with_place(file, read.credentials_file),
        metrics: document.with_place(file, read.metrics),
        protocol: read.protocol.map_or(TunnelProtocol::Auto, |protocol| protocol.value()),
        rules: rules(&document, file, read.ingress),
    })
}

/// Reads `configuration.json`. JSON is a subset of YAML, and the YAML reader has line numbers.
///
/// # Errors
///
/// When it has another structure.
pub(crate) fn read_payload(text: &str, file: FileId) -> Result<Vec<TunnelRule>, ParseError> {
    let document = yaml::documents(text)[0];
    let payload: RemotePayloadJson = document.read()?;
    Ok(rules(&document, file, payload.config.ingress))
}

fn rules(
    document: &YamlDocument<'_>,
    file: FileId,
    objects: Vec<TunnelRuleYaml>,
) -> Vec<TunnelRule> {
    let rule = |object: TunnelRuleYaml| TunnelRule {
        hostname: object.hostname.map(|name| document.with_place(file, name)),
        service: document.with_place(file, object.service),
        host_header: object
            .origin_request
            .map(|set| document.with_place(file, set.http_host_header)),
    };
    objects.into_iter().map(rule).collect()
}
