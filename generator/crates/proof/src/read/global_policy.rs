//! Calico's policies for all namespaces, in tiers that come before Kubernetes' own.

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_saphyr::Spanned;

use super::ParseError;
use super::yaml::{self, YamlDocument};
use crate::span::{FileId, FileLine, FileSpanned};

/// A GlobalNetworkPolicy for what all pods send.
#[derive(Debug)]
pub struct GlobalPolicy {
    /// Its name.
    pub name: String,
    /// What becomes of a packet: the first rule that it meets decides, and without one the next tier
    /// does.
    pub rules: Vec<GlobalPolicyRule>,
    /// Where it begins.
    pub place: FileLine,
}

/// One rule.
#[derive(Debug)]
pub struct GlobalPolicyRule {
    /// Whether it denies; otherwise the next tier decides.
    pub denies: bool,
    /// The number of the protocol (IANA); none is any.
    pub protocol: Option<u8>,
    /// The destinations.
    pub nets: Vec<FileSpanned<Ipv4Net>>,
    /// The ports; none stands for all.
    pub ports: Vec<u16>,
    /// Where it says what it does.
    pub place: FileLine,
}

impl GlobalPolicy {
    /// The rule that decides of a packet to an address, if one does.
    #[must_use]
    pub fn rule_for(
        &self,
        address: Ipv4Addr,
        protocol: u8,
        port: u16,
    ) -> Option<&GlobalPolicyRule> {
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
struct GlobalPolicyYaml<S> {
    api_version: IgnoredAny,
    kind: IgnoredAny,
    metadata: GlobalPolicyMetadataYaml,
    spec: S,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GlobalPolicyMetadataYaml {
    name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[expect(dead_code, reason = "read, so that any other word is noticed")]
struct TierSpecYaml {
    order: u32,
    default_action: PassOnly,
}

#[derive(Deserialize)]
enum PassOnly {
    Pass,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct GlobalPolicySpecYaml {
    #[expect(dead_code, reason = "read, so that any further key is noticed")]
    tier: String,
    #[expect(dead_code, reason = "read, so that any further key is noticed")]
    order: u32,
    selector: Spanned<String>,
    types: Vec<EgressOnly>,
    egress: Vec<GlobalPolicyRuleYaml>,
}

#[derive(Deserialize, PartialEq, Eq)]
enum EgressOnly {
    Egress,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GlobalPolicyRuleYaml {
    action: Spanned<GlobalPolicyActionYaml>,
    protocol: Option<GlobalPolicyProtocolYaml>,
    destination: GlobalPolicyDestinationYaml,
}

#[derive(Deserialize, Clone, Copy, PartialEq, Eq)]
enum GlobalPolicyActionYaml {
    Pass,
    Deny,
}

#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "UPPERCASE")]
enum GlobalPolicyProtocolYaml {
    Tcp,
    Udp,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GlobalPolicyDestinationYaml {
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
pub fn read(text: &str, file: FileId) -> Result<Vec<GlobalPolicy>, ParseError> {
    let mut policies = Vec::new();
    for document in yaml::documents(text) {
        match document.kind {
            "Tier" => drop(document.read::<GlobalPolicyYaml<TierSpecYaml>>()?),
            "GlobalNetworkPolicy" => policies.push(policy(&document, file)?),
            kind => {
                let message = format!("`{kind}` is not understood here");
                return Err(ParseError { line: document.first_line(), message });
            }
        }
    }
    Ok(policies)
}

fn policy(document: &YamlDocument<'_>, file: FileId) -> Result<GlobalPolicy, ParseError> {
    let GlobalPolicyYaml { metadata, spec, .. } =
        document.read::<GlobalPolicyYaml<GlobalPolicySpecYaml>>()?;
    let selector = document.with_line(spec.selector);
    if selector.value != ALL_PODS || spec.types != [EgressOnly::Egress] {
        let message = "the policy is not for what all pods send".to_owned();
        return Err(ParseError { line: selector.line, message });
    }
    let rules = spec.egress.into_iter().map(|rule| {
        let action = document.with_line(rule.action);
        let nets = rule.destination.nets.into_iter();
        GlobalPolicyRule {
            denies: action.value == GlobalPolicyActionYaml::Deny,
            protocol: rule.protocol.map(|protocol| match protocol {
                GlobalPolicyProtocolYaml::Tcp => 6,
                GlobalPolicyProtocolYaml::Udp => 17,
            }),
            nets: nets.map(|net| document.with_place(file, net)).collect(),
            ports: rule.destination.ports,
            place: file.line(action.line),
        }
    });
    let place = file.line(document.first_line());
    Ok(GlobalPolicy { name: metadata.name, rules: rules.collect(), place })
}
