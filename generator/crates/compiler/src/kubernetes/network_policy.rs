//! NetworkPolicies: the allowed connections to and from a namespace's pods.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Serialize;

use super::manifest::{Manifest, ObjectFields, ObjectMeta};

/// `NetworkPolicySpec` (networking.k8s.io/v1). `policy_types` are the restricted directions, and the lists are what is
/// allowed there.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct NetworkPolicySpec {
    pod_selector: LabelSelector,
    policy_types: Vec<&'static str>,
    /// Absent if no peer is allowed: the API server does not store an empty list, so each further `apply`
    /// would be a change.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    ingress: Vec<NetworkPolicyIngressRule>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    egress: Vec<NetworkPolicyEgressRule>,
}

/// Pods or namespaces by their labels.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct LabelSelector {
    /// All of these labels must match. Absent, every object matches: the API server does not store an empty table.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub match_labels: BTreeMap<Cow<'static, str>, Cow<'static, str>>,
}

impl LabelSelector {
    /// Selects objects with all of these labels.
    pub(crate) fn new<T: Into<Cow<'static, str>>>(
        labels: impl IntoIterator<Item = (T, T)>,
    ) -> Self {
        let labels = labels.into_iter().map(|(key, value)| (key.into(), value.into()));
        Self { match_labels: labels.collect() }
    }
}

/// The allowed connections to the pods.
#[derive(Debug, Serialize)]
pub(crate) struct NetworkPolicyIngressRule {
    /// Each of these.
    pub from: Vec<NetworkPolicyPeer>,
    /// On each of these.
    pub ports: Vec<NetworkPolicyPort>,
}

/// The allowed connections from the pods.
#[derive(Debug, Serialize)]
pub(crate) struct NetworkPolicyEgressRule {
    /// Each of these.
    pub to: Vec<NetworkPolicyPeer>,
    /// On each of these; on all if there are none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ports: Vec<NetworkPolicyPort>,
}

/// The other end of a connection.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum NetworkPolicyPeer {
    /// Pods of a namespace.
    #[serde(rename_all = "camelCase")]
    Pods {
        /// The namespace.
        namespace_selector: LabelSelector,
        /// Its pods.
        pod_selector: LabelSelector,
    },
    /// All pods of these namespaces.
    #[serde(rename_all = "camelCase")]
    Namespaces {
        /// The namespaces.
        namespace_selector: LabelSelector,
    },
    /// Addresses.
    #[serde(rename_all = "camelCase")]
    Addresses {
        /// The block.
        ip_block: IpBlock,
    },
}

/// A block of addresses.
#[derive(Debug, Serialize)]
pub(crate) struct IpBlock {
    cidr: String,
    #[serde(skip_serializing_if = "<[&str]>::is_empty")]
    except: &'static [&'static str],
}

impl NetworkPolicyPeer {
    /// The pods of a namespace that have these labels. The API server labels each namespace with its
    /// name.
    pub(crate) fn pods<T: Into<Cow<'static, str>>>(
        namespace: impl Into<Cow<'static, str>>,
        labels: impl IntoIterator<Item = (T, T)>,
    ) -> Self {
        let own_name = (Cow::from("kubernetes.io/metadata.name"), namespace.into());
        Self::Pods {
            namespace_selector: LabelSelector::new([own_name]),
            pod_selector: LabelSelector::new(labels),
        }
    }

    /// All pods of the cluster, except those in the network of their host.
    pub(crate) fn every_pod() -> Self {
        Self::Namespaces { namespace_selector: LabelSelector::new::<&str>([]) }
    }

    /// A block of addresses, without the blocks in `except`.
    pub(crate) fn addresses(cidr: impl Into<String>, except: &'static [&'static str]) -> Self {
        Self::Addresses { ip_block: IpBlock { cidr: cidr.into(), except } }
    }
}

/// A port of the destination pod: a Service's port is translated before policies are applied.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct NetworkPolicyPort {
    protocol: &'static str,
    port: u16,
}

impl NetworkPolicyPort {
    /// A TCP port.
    #[must_use]
    pub(crate) const fn tcp(port: u16) -> Self {
        Self { protocol: "TCP", port }
    }

    /// A UDP port.
    #[must_use]
    pub(crate) const fn udp(port: u16) -> Self {
        Self { protocol: "UDP", port }
    }
}

/// A policy for the pods of a namespace that have these labels.
pub(crate) fn network_policy(
    metadata: ObjectMeta<'static>,
    pods: LabelSelector,
    ingress: Vec<NetworkPolicyIngressRule>,
    egress: Option<Vec<NetworkPolicyEgressRule>>,
) -> Manifest<ObjectFields<'static, NetworkPolicySpec>> {
    let egress_type = egress.as_ref().map(|_| "Egress");
    let spec = NetworkPolicySpec {
        pod_selector: pods,
        policy_types: ["Ingress"].into_iter().chain(egress_type).collect(),
        ingress,
        egress: egress.unwrap_or_default(),
    };
    let fields = ObjectFields { metadata, spec };
    Manifest { api_version: "networking.k8s.io/v1", kind: "NetworkPolicy", fields }
}

/// The policy for all pods of a namespace: other policies of the namespace add what their pods need.
pub(crate) fn default_deny(
    namespace: &'static str,
) -> Manifest<ObjectFields<'static, NetworkPolicySpec>> {
    let metadata = ObjectMeta::namespaced("default-deny", namespace);
    network_policy(metadata, LabelSelector::new::<&str>([]), Vec::new(), Some(Vec::new()))
}
