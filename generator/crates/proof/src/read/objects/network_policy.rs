//! NetworkPolicies: the connections that pods may open and accept.

use ipnet::Ipv4Net;
use serde::Deserialize;
use serde_saphyr::Spanned;

use super::{MetadataYaml, ObjectLabels, ObjectSource, SelectorYaml};
use crate::read::ParseError;
use crate::span::{FileLine, FileSpanned};

/// A NetworkPolicy.
#[derive(Debug, Clone)]
pub struct EmittedPolicy {
    /// Its name.
    pub name: FileSpanned<String>,
    /// The namespace of the pods that it selects.
    pub namespace: String,
    /// The labels of these pods.
    pub pods: ObjectLabels,
    /// The directions that it restricts.
    pub directions: Vec<PolicyDirection>,
    /// Accepted connections to these pods.
    pub ingress: Vec<PolicyAdmission>,
    /// Accepted connections from these pods.
    pub egress: Vec<PolicyAdmission>,
    /// Its first line.
    pub place: FileLine,
}

/// A direction, seen from the pods that a policy selects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum PolicyDirection {
    /// To them.
    Ingress,
    /// From them.
    Egress,
}

/// The connections that one rule accepts.
#[derive(Debug, Clone)]
pub struct PolicyAdmission {
    /// The other ends; empty means all.
    pub peers: Vec<PolicyPeer>,
    /// The ports at the receiver; empty means all.
    pub ports: Vec<PolicyPort>,
}

/// The other end.
#[derive(Debug, Clone)]
pub enum PolicyPeer {
    /// Pods.
    Pods {
        /// The labels of their namespace; none is the policy's own.
        namespaces: Option<ObjectLabels>,
        /// Their own labels.
        pods: ObjectLabels,
    },
    /// Addresses.
    Block {
        /// The block.
        net: FileSpanned<Ipv4Net>,
        /// The excepted blocks.
        except: Vec<FileSpanned<Ipv4Net>>,
    },
}

impl PolicyPeer {
    /// The namespace that it names, and the labels of the pods there; none if it is another peer.
    #[must_use]
    pub fn pods_of_namespace(&self) -> Option<(&str, &ObjectLabels)> {
        let Self::Pods { namespaces: Some(namespaces), pods } = self else { return None };
        let name = namespaces.get(NAMESPACE_NAME).filter(|_| namespaces.len() == 1)?;
        Some((&name.value, pods))
    }
}

/// The label that the API server gives each namespace (KEP-2161).
pub(crate) const NAMESPACE_NAME: &str = "kubernetes.io/metadata.name";

/// A port.
#[derive(Debug, Clone)]
pub struct PolicyPort {
    /// The number of its protocol (IANA).
    pub protocol: u8,
    /// Its number.
    pub number: FileSpanned<u16>,
}

impl EmittedPolicy {
    /// The rules for a direction.
    #[must_use]
    pub fn admissions(&self, direction: PolicyDirection) -> &[PolicyAdmission] {
        match direction {
            PolicyDirection::Ingress => &self.ingress,
            PolicyDirection::Egress => &self.egress,
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct PolicySpecYaml {
    pod_selector: SelectorYaml,
    policy_types: Vec<PolicyDirection>,
    #[serde(default)]
    ingress: Vec<PolicyIngressYaml>,
    #[serde(default)]
    egress: Vec<PolicyEgressYaml>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PolicyIngressYaml {
    #[serde(default)]
    from: Vec<PolicyPeerYaml>,
    #[serde(default)]
    ports: Vec<PolicyPortYaml>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PolicyEgressYaml {
    #[serde(default)]
    to: Vec<PolicyPeerYaml>,
    #[serde(default)]
    ports: Vec<PolicyPortYaml>,
}

/// `NetworkPolicyPeer`: a block of addresses, or selectors.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct PolicyPeerYaml {
    namespace_selector: Option<SelectorYaml>,
    pod_selector: Option<SelectorYaml>,
    ip_block: Option<IpBlockYaml>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct IpBlockYaml {
    cidr: Spanned<Ipv4Net>,
    #[serde(default)]
    except: Vec<Spanned<Ipv4Net>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PolicyPortYaml {
    protocol: PolicyProtocolYaml,
    port: Spanned<u16>,
}

#[derive(Deserialize)]
#[serde(rename_all = "UPPERCASE")]
enum PolicyProtocolYaml {
    Tcp,
    Udp,
}

pub(super) fn read(source: &ObjectSource<'_>) -> Result<EmittedPolicy, ParseError> {
    let (metadata, spec) = source.manifest::<PolicySpecYaml>("networking.k8s.io/v1")?;
    let MetadataYaml { name, namespace, .. } = metadata;
    let ingress = spec.ingress.into_iter().map(|rule| admission(source, rule.from, rule.ports));
    let egress = spec.egress.into_iter().map(|rule| admission(source, rule.to, rule.ports));
    Ok(EmittedPolicy {
        ingress: ingress.collect::<Result<_, _>>()?,
        egress: egress.collect::<Result<_, _>>()?,
        name: source.with_place(name),
        namespace: source.namespace(namespace),
        pods: source.labels(spec.pod_selector.match_labels),
        directions: spec.policy_types,
        place: source.place(),
    })
}

fn admission(
    source: &ObjectSource<'_>,
    peers: Vec<PolicyPeerYaml>,
    ports: Vec<PolicyPortYaml>,
) -> Result<PolicyAdmission, ParseError> {
    let peers = peers.into_iter().map(|object| peer(source, object));
    let ports = ports.into_iter().map(|port| PolicyPort {
        protocol: match port.protocol {
            PolicyProtocolYaml::Tcp => 6,
            PolicyProtocolYaml::Udp => 17,
        },
        number: source.with_place(port.port),
    });
    Ok(PolicyAdmission { peers: peers.collect::<Result<_, _>>()?, ports: ports.collect() })
}

fn peer(source: &ObjectSource<'_>, object: PolicyPeerYaml) -> Result<PolicyPeer, ParseError> {
    let labels = |selector: SelectorYaml| source.labels(selector.match_labels);
    match (object.ip_block, object.namespace_selector, object.pod_selector) {
        (Some(block), None, None) => Ok(PolicyPeer::Block {
            net: source.with_place(block.cidr),
            except: block.except.into_iter().map(|net| source.with_place(net)).collect(),
        }),
        (None, None, None) | (Some(_), ..) => {
            let message = "a peer is either a block of addresses or selectors".to_owned();
            Err(ParseError { line: source.document.first_line(), message })
        }
        (None, namespaces, pods) => Ok(PolicyPeer::Pods {
            namespaces: namespaces.map(labels),
            pods: pods.map(labels).unwrap_or_default(),
        }),
    }
}
