//! cloudflared's rules: its configuration file, or what Cloudflare's API is given in its place.
//!
//! Of keys that it does not know cloudflared says nothing; here they are not understood.

use serde::Deserialize;
use serde_saphyr::Spanned;

use super::ParseError;
use super::yaml::{self, YamlDocument};
use crate::span::{FileId, FileSpanned};

/// The configuration file.
#[derive(Debug)]
pub struct TunnelConfiguration {
    /// The tunnel's UUID.
    pub tunnel: FileSpanned<String>,
    /// The file with the credential.
    pub credentials: FileSpanned<String>,
    /// Where metrics and probes are answered.
    pub metrics: FileSpanned<String>,
    /// The rules.
    pub rules: Vec<TunnelRule>,
}

/// One rule; the first that matches is taken.
#[derive(Debug)]
pub struct TunnelRule {
    /// The names that it matches; none matches all.
    pub hostname: Option<FileSpanned<String>>,
    /// Where requests go.
    pub service: FileSpanned<String>,
    /// The host that the origin is told in place of the visitor's.
    pub host_header: Option<FileSpanned<String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct TunnelConfigurationYaml {
    tunnel: Spanned<String>,
    credentials_file: Spanned<String>,
    metrics: Spanned<String>,
    #[expect(dead_code, reason = "pods have no other: read, so that any other is noticed")]
    edge_ip_version: Ipv4Only,
    ingress: Vec<TunnelRuleYaml>,
}

#[derive(Deserialize)]
enum Ipv4Only {
    #[serde(rename = "4")]
    Four,
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

/// Reads the configuration file, a text in a file that begins after so many lines of it.
///
/// # Errors
///
/// When it has another shape.
pub fn read(text: &str, file: FileId, lines: u32) -> Result<TunnelConfiguration, ParseError> {
    let document = yaml::documents_after(lines, text)[0];
    let read: TunnelConfigurationYaml = document.read()?;
    Ok(TunnelConfiguration {
        tunnel: document.with_place(file, read.tunnel),
        credentials: document.with_place(file, read.credentials_file),
        metrics: document.with_place(file, read.metrics),
        rules: rules(&document, file, read.ingress),
    })
}

/// Reads `configuration.json`. JSON is YAML, and YAML's reader knows its lines.
///
/// # Errors
///
/// When it has another shape.
pub fn read_payload(text: &str, file: FileId) -> Result<Vec<TunnelRule>, ParseError> {
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
