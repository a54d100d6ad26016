//! cloudflared's rules: its configuration file, or the document for Cloudflare's API.
//!
//! cloudflared ignores unknown keys without an error message. This reader refuses them.

use serde::Deserialize;
use serde_saphyr::Spanned;

use super::ParseError;
use super::yaml::{self, YamlDocument};
use crate::span::{FileId, FileSpanned};
use meshwright_value::{
    AudienceTag, ConnectionCount, DnsName, Hostname, Name, Number, OriginAccess, OriginRequest,
    OriginTimeout, Text, TunnelProtocol,
};

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
    /// How the origin is called.
    pub request: OriginRequest,
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
    connect_timeout: Option<DurationYaml>,
    tls_timeout: Option<DurationYaml>,
    keep_alive_timeout: Option<DurationYaml>,
    keep_alive_connections: Option<NumberYaml<ConnectionCount>>,
    http_host_header: Option<Spanned<String>>,
    origin_server_name: Option<TextYaml<DnsName>>,
    #[serde(rename = "noTLSVerify", default)]
    no_tls_verify: bool,
    #[serde(rename = "http2Origin", default)]
    http2_origin: bool,
    #[serde(default)]
    disable_chunked_encoding: bool,
    access: Option<AccessYaml>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct AccessYaml {
    #[expect(dead_code, reason = "read so that `false` is an error")]
    required: Required,
    team_name: TextYaml<Name>,
    aud_tag: Vec<TextYaml<AudienceTag>>,
}

/// Without it, cloudflared admits requests without a token.
#[derive(Deserialize)]
#[serde(try_from = "bool")]
struct Required;

impl TryFrom<bool> for Required {
    type Error = &'static str;

    fn try_from(required: bool) -> Result<Self, Self::Error> {
        required.then_some(Self).ok_or("`required` is false: requests without a token are admitted")
    }
}

/// A value that is written as a text.
#[derive(Deserialize)]
#[serde(try_from = "String", bound = "T: Text")]
struct TextYaml<T>(T);

impl<T: Text> TryFrom<String> for TextYaml<T> {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        T::parse(&text).map(Self).map_err(|fault| fault.message)
    }
}

/// A value that is written as a number.
#[derive(Deserialize)]
#[serde(try_from = "i64", bound = "T: Number")]
struct NumberYaml<T>(T);

impl<T: Number> TryFrom<i64> for NumberYaml<T> {
    type Error = String;

    fn try_from(number: i64) -> Result<Self, String> {
        T::from_integer(number).map(Self).map_err(|fault| fault.message)
    }
}

/// A time: `30s` in the file, the number of seconds in the API (cloudflared, `CustomDuration`).
#[derive(Deserialize)]
#[serde(untagged)]
enum DurationYaml {
    Seconds(NumberYaml<OriginTimeout>),
    WithUnit(DurationTextYaml),
}

#[derive(Deserialize)]
#[serde(try_from = "String")]
struct DurationTextYaml(OriginTimeout);

impl TryFrom<String> for DurationTextYaml {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let seconds = text.strip_suffix('s').and_then(|number| number.parse().ok());
        let seconds = seconds.ok_or_else(|| format!("`{text}` is not a number of seconds"))?;
        OriginTimeout::from_integer(seconds).map(Self).map_err(|fault| fault.message)
    }
}

impl DurationYaml {
    fn value(self) -> OriginTimeout {
        match self {
            Self::Seconds(NumberYaml(seconds)) => seconds,
            Self::WithUnit(DurationTextYaml(seconds)) => seconds,
        }
    }
}

impl OriginRequestYaml {
    fn value(self) -> OriginRequest {
        let header = self.http_host_header.map(|header| header.value);
        OriginRequest {
            connect_timeout: self.connect_timeout.map(DurationYaml::value),
            tls_timeout: self.tls_timeout.map(DurationYaml::value),
            keep_alive_timeout: self.keep_alive_timeout.map(DurationYaml::value),
            keep_alive_connections: self.keep_alive_connections.map(|count| count.0),
            http_host_header: header.and_then(|header| Hostname::parse(&header).ok()),
            origin_server_name: self.origin_server_name.map(|name| name.0),
            no_tls_verify: self.no_tls_verify,
            http2_origin: self.http2_origin,
            disable_chunked_encoding: self.disable_chunked_encoding,
            access: self.access.map(|access| OriginAccess {
                team_name: access.team_name.0,
                aud_tags: access.aud_tag.into_iter().map(|tag| tag.0).collect(),
            }),
        }
    }
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
    let rule = |object: TunnelRuleYaml| {
        let header = object.origin_request.as_ref().and_then(|set| set.http_host_header.clone());
        TunnelRule {
            hostname: object.hostname.map(|name| document.with_place(file, name)),
            service: document.with_place(file, object.service),
            host_header: header.map(|header| document.with_place(file, header)),
            request: object.origin_request.map(OriginRequestYaml::value).unwrap_or_default(),
        }
    };
    objects.into_iter().map(rule).collect()
}
