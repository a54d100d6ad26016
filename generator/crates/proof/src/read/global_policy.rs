//! Calico's policies for all namespaces, in tiers that come before Kubernetes' own.

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_saphyr::Spanned;

use super::Unread;
use super::yaml::{self, Document};
use crate::span::{Fact, File, Place};

/// A GlobalNetworkPolicy for what all pods send.
#[derive(Debug)]
pub struct GlobalPolicy {
    /// Its name.
    pub name: String,
    /// What becomes of a packet: the first rule that it meets decides, and without one the next tier
    /// does.
    pub rules: Vec<GlobalRule>,
    /// Where it begins.
    pub place: Place,
}

/// One rule.
#[derive(Debug)]
pub struct GlobalRule {
    /// Whether it denies; otherwise the next tier decides.
    pub denies: bool,
    /// The number of the protocol (IANA); none is any.
    pub protocol: Option<u8>,
    /// The destinations.
    pub nets: Vec<Fact<Ipv4Net>>,
    /// The ports; none stands for all.
    pub ports: Vec<u16>,
    /// Where it says what it does.
    pub place: Place,
}

impl GlobalPolicy {
    /// The rule that decides of a packet to an address, if one does.
    #[must_use]
    pub fn rule_for(&self, address: Ipv4Addr, protocol: u8, port: u16) -> Option<&GlobalRule> {
        self.rules.iter().find(|rule| {
            rule.nets.iter().any(|net| net.value.contains(&address))
                && rule.protocol.is_none_or(|known| known == protocol)
                && (rule.ports.is_empty() || rule.ports.contains(&port))
        })
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[expect(dead_code, reason = "read, so that any further key is noticed")]
struct Object<S> {
    api_version: IgnoredAny,
    kind: IgnoredAny,
    metadata: Metadata,
    spec: S,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Metadata {
    name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[expect(dead_code, reason = "read, so that any other word is noticed")]
struct TierSpec {
    order: u32,
    default_action: Pass,
}

#[derive(Deserialize)]
enum Pass {
    Pass,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct PolicySpec {
    #[expect(dead_code, reason = "read, so that any further key is noticed")]
    tier: String,
    #[expect(dead_code, reason = "read, so that any further key is noticed")]
    order: u32,
    selector: Spanned<String>,
    types: Vec<Direction>,
    egress: Vec<RuleObject>,
}

#[derive(Deserialize, PartialEq, Eq)]
enum Direction {
    Egress,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RuleObject {
    action: Spanned<Action>,
    protocol: Option<Protocol>,
    destination: Destination,
}

#[derive(Deserialize, Clone, Copy, PartialEq, Eq)]
enum Action {
    Pass,
    Deny,
}

#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "UPPERCASE")]
enum Protocol {
    Tcp,
    Udp,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Destination {
    nets: Vec<Spanned<Ipv4Net>>,
    #[serde(default)]
    ports: Vec<u16>,
}

/// All pods; hosts are in no namespace.
const ALL_PODS: &str = "has(projectcalico.org/namespace)";

/// Reads `metadata.policy.yaml`.
///
/// # Errors
///
/// When a document has another shape.
pub fn read(text: &str, file: File) -> Result<Vec<GlobalPolicy>, Unread> {
    let mut policies = Vec::new();
    for document in yaml::documents(text) {
        match document.kind {
            "Tier" => drop(document.read::<Object<TierSpec>>()?),
            "GlobalNetworkPolicy" => policies.push(policy(&document, file)?),
            kind => {
                let message = format!("`{kind}` is not understood here");
                return Err(Unread { line: document.first_line(), message });
            }
        }
    }
    Ok(policies)
}

fn policy(document: &Document<'_>, file: File) -> Result<GlobalPolicy, Unread> {
    let Object { metadata, spec, .. } = document.read::<Object<PolicySpec>>()?;
    let selector = document.at(spec.selector);
    if selector.value != ALL_PODS || spec.types != [Direction::Egress] {
        let message = "the policy is not for what all pods send".to_owned();
        return Err(Unread { line: selector.line, message });
    }
    let rules = spec.egress.into_iter().map(|rule| {
        let action = document.at(rule.action);
        let nets = rule.destination.nets.into_iter();
        GlobalRule {
            denies: action.value == Action::Deny,
            protocol: rule.protocol.map(|protocol| match protocol {
                Protocol::Tcp => 6,
                Protocol::Udp => 17,
            }),
            nets: nets.map(|net| document.fact(file, net)).collect(),
            ports: rule.destination.ports,
            place: file.line(action.line),
        }
    });
    let place = file.line(document.first_line());
    Ok(GlobalPolicy { name: metadata.name, rules: rules.collect(), place })
}
