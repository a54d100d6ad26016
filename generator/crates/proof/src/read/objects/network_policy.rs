//! NetworkPolicies: whom pods may talk to, and who may talk to them.

use ipnet::Ipv4Net;
use serde::Deserialize;
use serde_saphyr::Spanned;

use super::{Labels, Metadata, Selector, Source};
use crate::read::Unread;
use crate::span::{Fact, Place};

/// A NetworkPolicy.
#[derive(Debug)]
pub struct Policy {
    /// Its name.
    pub name: Fact<String>,
    /// The namespace of the pods that it is for.
    pub namespace: String,
    /// The labels of these pods.
    pub pods: Labels,
    /// In which directions it lets them do nothing but what it admits.
    pub directions: Vec<Direction>,
    /// Who may talk to them.
    pub ingress: Vec<Admission>,
    /// Whom they may talk to.
    pub egress: Vec<Admission>,
    /// Where it begins.
    pub place: Place,
}

/// A direction, as seen from the pods that a policy is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum Direction {
    /// To them.
    Ingress,
    /// From them.
    Egress,
}

/// What one rule admits.
#[derive(Debug)]
pub struct Admission {
    /// The others; none stands for all.
    pub peers: Vec<Peer>,
    /// The ports of whoever is called; none stands for all.
    pub ports: Vec<PolicyPort>,
}

/// The other end.
#[derive(Debug)]
pub enum Peer {
    /// Pods.
    Pods {
        /// The labels of their namespace; none is the policy's own.
        namespaces: Option<Labels>,
        /// Their own labels.
        pods: Labels,
    },
    /// Addresses.
    Block {
        /// These.
        net: Fact<Ipv4Net>,
        /// Without these.
        except: Vec<Fact<Ipv4Net>>,
    },
}

/// A port.
#[derive(Debug)]
pub struct PolicyPort {
    /// The number of its protocol (IANA).
    pub protocol: u8,
    /// Its number.
    pub number: Fact<u16>,
}

impl Policy {
    /// What it admits in a direction.
    #[must_use]
    pub fn admissions(&self, direction: Direction) -> &[Admission] {
        match direction {
            Direction::Ingress => &self.ingress,
            Direction::Egress => &self.egress,
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct PolicySpec {
    pod_selector: Selector,
    policy_types: Vec<Direction>,
    #[serde(default)]
    ingress: Vec<IngressRule>,
    #[serde(default)]
    egress: Vec<EgressRule>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct IngressRule {
    #[serde(default)]
    from: Vec<PeerObject>,
    #[serde(default)]
    ports: Vec<Port>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EgressRule {
    #[serde(default)]
    to: Vec<PeerObject>,
    #[serde(default)]
    ports: Vec<Port>,
}

/// `NetworkPolicyPeer`: a block of addresses, or selectors.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct PeerObject {
    namespace_selector: Option<Selector>,
    pod_selector: Option<Selector>,
    ip_block: Option<IpBlock>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct IpBlock {
    cidr: Spanned<Ipv4Net>,
    #[serde(default)]
    except: Vec<Spanned<Ipv4Net>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Port {
    protocol: Protocol,
    port: Spanned<u16>,
}

#[derive(Deserialize)]
#[serde(rename_all = "UPPERCASE")]
enum Protocol {
    Tcp,
    Udp,
}

pub(super) fn read(source: &Source<'_>) -> Result<Policy, Unread> {
    let (metadata, spec) = source.manifest::<PolicySpec>("networking.k8s.io/v1")?;
    let Metadata { name, namespace, .. } = metadata;
    let ingress = spec.ingress.into_iter().map(|rule| admission(source, rule.from, rule.ports));
    let egress = spec.egress.into_iter().map(|rule| admission(source, rule.to, rule.ports));
    Ok(Policy {
        ingress: ingress.collect::<Result<_, _>>()?,
        egress: egress.collect::<Result<_, _>>()?,
        name: source.fact(name),
        namespace: source.namespace(namespace),
        pods: source.labels(spec.pod_selector.match_labels),
        directions: spec.policy_types,
        place: source.place(),
    })
}

fn admission(
    source: &Source<'_>,
    peers: Vec<PeerObject>,
    ports: Vec<Port>,
) -> Result<Admission, Unread> {
    let peers = peers.into_iter().map(|object| peer(source, object));
    let ports = ports.into_iter().map(|port| PolicyPort {
        protocol: match port.protocol {
            Protocol::Tcp => 6,
            Protocol::Udp => 17,
        },
        number: source.fact(port.port),
    });
    Ok(Admission { peers: peers.collect::<Result<_, _>>()?, ports: ports.collect() })
}

fn peer(source: &Source<'_>, object: PeerObject) -> Result<Peer, Unread> {
    let labels = |selector: Selector| source.labels(selector.match_labels);
    match (object.ip_block, object.namespace_selector, object.pod_selector) {
        (Some(block), None, None) => Ok(Peer::Block {
            net: source.fact(block.cidr),
            except: block.except.into_iter().map(|net| source.fact(net)).collect(),
        }),
        (None, None, None) | (Some(_), ..) => {
            let message = "a peer is either a block of addresses or selectors".to_owned();
            Err(Unread { line: source.document.first_line(), message })
        }
        (None, namespaces, pods) => Ok(Peer::Pods {
            namespaces: namespaces.map(labels),
            pods: pods.map(labels).unwrap_or_default(),
        }),
    }
}
