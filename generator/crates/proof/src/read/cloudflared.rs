//! cloudflared's rules: its configuration file, or what Cloudflare's API is given in its place.
//!
//! Of keys that it does not know cloudflared says nothing; here they are not understood.

use serde::Deserialize;
use serde_saphyr::Spanned;

use super::Unread;
use super::yaml::{self, Document};
use crate::span::{Fact, File};

/// The configuration file.
#[derive(Debug)]
pub struct Configuration {
    /// The tunnel's UUID.
    pub tunnel: Fact<String>,
    /// The file with the credential.
    pub credentials: Fact<String>,
    /// Where metrics and probes are answered.
    pub metrics: Fact<String>,
    /// The rules.
    pub rules: Vec<Rule>,
}

/// One rule; the first that matches is taken.
#[derive(Debug)]
pub struct Rule {
    /// The names that it matches; none matches all.
    pub hostname: Option<Fact<String>>,
    /// Where requests go.
    pub service: Fact<String>,
    /// The host that the origin is told in place of the visitor's.
    pub host_header: Option<Fact<String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct ConfigurationFile {
    tunnel: Spanned<String>,
    credentials_file: Spanned<String>,
    metrics: Spanned<String>,
    #[expect(dead_code, reason = "pods have no other: read, so that any other is noticed")]
    edge_ip_version: Four,
    ingress: Vec<RuleObject>,
}

#[derive(Deserialize)]
enum Four {
    #[serde(rename = "4")]
    Four,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct RuleObject {
    hostname: Option<Spanned<String>>,
    service: Spanned<String>,
    origin_request: Option<OriginRequest>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct OriginRequest {
    http_host_header: Spanned<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Payload {
    config: RemoteConfiguration,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RemoteConfiguration {
    ingress: Vec<RuleObject>,
}

/// Reads the configuration file, a text in a file that begins after so many lines of it.
///
/// # Errors
///
/// When it has another shape.
pub fn read(text: &str, file: File, lines: u32) -> Result<Configuration, Unread> {
    let document = yaml::documents_after(lines, text)[0];
    let read: ConfigurationFile = document.read()?;
    Ok(Configuration {
        tunnel: document.fact(file, read.tunnel),
        credentials: document.fact(file, read.credentials_file),
        metrics: document.fact(file, read.metrics),
        rules: rules(&document, file, read.ingress),
    })
}

/// Reads `configuration.json`. JSON is YAML, and YAML's reader knows its lines.
///
/// # Errors
///
/// When it has another shape.
pub fn read_payload(text: &str, file: File) -> Result<Vec<Rule>, Unread> {
    let document = yaml::documents(text)[0];
    let payload: Payload = document.read()?;
    Ok(rules(&document, file, payload.config.ingress))
}

fn rules(document: &Document<'_>, file: File, objects: Vec<RuleObject>) -> Vec<Rule> {
    let rule = |object: RuleObject| Rule {
        hostname: object.hostname.map(|name| document.fact(file, name)),
        service: document.fact(file, object.service),
        host_header: object.origin_request.map(|set| document.fact(file, set.http_host_header)),
    };
    objects.into_iter().map(rule).collect()
}
