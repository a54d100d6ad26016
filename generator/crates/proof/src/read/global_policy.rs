//! Calico's policies for all namespaces, in a tier that is evaluated before NetworkPolicies.

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_saphyr::Spanned;

use super::ParseError;
use super::yaml::{self, YamlDocument};
use crate::span::{FileId, FileLine, FileSpanned};

/// A GlobalNetworkPolicy for packets from all pods.
#[derive(Debug, Clone)]
pub struct GlobalPolicy {
    /// Its name.
    pub name: String,
    /// The rules. The first rule that matches decides; without one, the next tier decides.
    pub rules: Vec<GlobalPolicyRule>,
    /// Its first line.
    pub place: FileLine,
}

/// One rule.
#[derive(Debug, Clone)]
pub struct GlobalPolicyRule {
    /// Whether it denies; otherwise the next tier decides.
    pub denies: bool,
    /// The number of the protocol (IANA); none means any.
    pub protocol: Option<u8>,
    /// The destinations.
    pub nets: Vec<FileSpanned<Ipv4Net>>,
    /// The ports; empty means all.
    pub ports: Vec<u16>,
    /// The line of its action.
    pub place: FileLine,
}

impl GlobalPolicy {
    /// The rule that decides about a packet to an address, if there is one.
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
#[expect(dead_code, reason = "read so that an unknown key is an error")]
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
#[expect(dead_code, reason = "read so that another value is an error")]
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
    #[expect(dead_code, reason = "read so that an unknown key is an error")]
    tier: String,
    #[expect(dead_code, reason = "read so that an unknown key is an error")]
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
/// When a document has another structure.
pub(crate) fn read(text: &str, file: FileId) -> Result<Vec<GlobalPolicy>, ParseError> {
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
        let message = "the policy is not for packets from all pods".to_owned();
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
