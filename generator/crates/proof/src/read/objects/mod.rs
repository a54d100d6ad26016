//! Kubernetes objects, one source file for each kind. Each value keeps its file and line, because the
//! objects of a cluster are in several files.

mod ingress;
mod namespace;
mod network_policy;
mod service;
mod workload;

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_saphyr::Spanned;

pub(crate) use self::ingress::{
    EmittedIngress, EmittedIngressBackend, EmittedIngressClass, EmittedIngressHost,
};
pub(crate) use self::namespace::{EmittedConfigMap, EmittedNamespace};
pub(crate) use self::network_policy::{
    EmittedPolicy, NAMESPACE_NAME, PolicyAdmission, PolicyDirection, PolicyPeer,
};
pub(crate) use self::service::{EmittedService, EmittedServicePort};
pub(crate) use self::workload::{EmittedWorkload, WorkloadPort};
use super::ParseError;
use super::yaml::{self, YamlDocument};
use crate::span::{FileId, FileLine, FileSpanned};

/// Objects by their kinds.
#[derive(Debug, Clone, Default)]
pub struct EmittedObjects {
    /// Namespaces.
    pub namespaces: Vec<EmittedNamespace>,
    /// ConfigMaps.
    pub settings: Vec<EmittedConfigMap>,
    /// Deployments.
    pub workloads: Vec<EmittedWorkload>,
    /// Services.
    pub services: Vec<EmittedService>,
    /// Ingresses.
    pub ingresses: Vec<EmittedIngress>,
    /// IngressClasses.
    pub classes: Vec<EmittedIngressClass>,
    /// NetworkPolicies.
    pub policies: Vec<EmittedPolicy>,
}

/// Labels of an object, or of a selector.
pub(crate) type ObjectLabels = BTreeMap<String, FileSpanned<String>>;

/// A port by its number, or by the name that a container gives it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged, expecting = "a port is a number up to 65535, or a name")]
pub enum PortReference {
    /// The number.
    Number(u16),
    /// The name.
    Name(String),
}

impl std::fmt::Display for PortReference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Number(number) => write!(f, "{number}"),
            Self::Name(name) => write!(f, "`{name}`"),
        }
    }
}

impl EmittedObjects {
    /// Adds the objects of another file.
    pub fn extend(&mut self, other: Self) {
        self.namespaces.extend(other.namespaces);
        self.settings.extend(other.settings);
        self.workloads.extend(other.workloads);
        self.services.extend(other.services);
        self.ingresses.extend(other.ingresses);
        self.classes.extend(other.classes);
        self.policies.extend(other.policies);
    }
}

/// Reads all documents of a file.
///
/// # Errors
///
/// Every document that is not understood.
pub(crate) fn read(text: &str, file: FileId) -> Result<EmittedObjects, Vec<ParseError>> {
    let (mut objects, mut unread) = (EmittedObjects::default(), Vec::new());
    for document in yaml::documents(text) {
        let source = ObjectSource { document, file };
        unread.extend(source.add_to(&mut objects).err());
    }
    if unread.is_empty() { Ok(objects) } else { Err(unread) }
}

/// One document and its file.
#[derive(Clone, Copy)]
struct ObjectSource<'text> {
    document: YamlDocument<'text>,
    file: FileId,
}

/// An object with a `spec`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ManifestYaml<S> {
    api_version: Spanned<String>,
    #[expect(dead_code, reason = "the document's kind is read before")]
    kind: IgnoredAny,
    metadata: MetadataYaml,
    spec: S,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MetadataYaml {
    name: Spanned<String>,
    namespace: Option<Spanned<String>>,
    #[serde(default)]
    labels: BTreeMap<String, Spanned<String>>,
    #[serde(default)]
    annotations: BTreeMap<String, Spanned<String>>,
}

/// `LabelSelector` (meta/v1).
#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct SelectorYaml {
    #[serde(default)]
    match_labels: BTreeMap<String, Spanned<String>>,
}

/// The namespace of objects without one.
const DEFAULT_NAMESPACE: &str = "default";

impl ObjectSource<'_> {
    fn add_to(&self, objects: &mut EmittedObjects) -> Result<(), ParseError> {
        match self.document.kind {
            "Namespace" => objects.namespaces.push(namespace::read(self)?),
            "ConfigMap" => objects.settings.push(namespace::read_settings(self)?),
            "Deployment" => objects.workloads.push(workload::read(self)?),
            "Service" => objects.services.push(service::read(self)?),
            "Ingress" => objects.ingresses.push(ingress::read(self)?),
            "IngressClass" => objects.classes.push(ingress::read_class(self)?),
            "NetworkPolicy" => objects.policies.push(network_policy::read(self)?),
            // It limits drains, and has no effect on packets.
            "PodDisruptionBudget" => {}
            kind => {
                let message = format!("`{kind}` is not understood here");
                return Err(ParseError { line: self.document.first_line(), message });
            }
        }
        Ok(())
    }

    /// Reads the manifest of a kind that has a `spec`.
    fn manifest<S: DeserializeOwned>(&self, api: &str) -> Result<(MetadataYaml, S), ParseError> {
        let manifest: ManifestYaml<S> = self.document.read()?;
        self.expect_api(api, manifest.api_version)?;
        Ok((manifest.metadata, manifest.spec))
    }

    fn expect_api(&self, api: &str, stated: Spanned<String>) -> Result<(), ParseError> {
        let stated = self.document.with_line(stated);
        if stated.value == api {
            return Ok(());
        }
        let message = format!("the apiVersion of a {} is {api}", self.document.kind);
        Err(ParseError { line: stated.line, message })
    }

    fn with_place<T>(&self, spanned: Spanned<T>) -> FileSpanned<T> {
        self.document.with_place(self.file, spanned)
    }

    fn labels(&self, labels: BTreeMap<String, Spanned<String>>) -> ObjectLabels {
        labels.into_iter().map(|(key, value)| (key, self.with_place(value))).collect()
    }

    fn namespace(&self, namespace: Option<Spanned<String>>) -> String {
        namespace.map_or_else(|| DEFAULT_NAMESPACE.to_owned(), |namespace| namespace.value)
    }

    /// The first line of the document.
    fn place(&self) -> FileLine {
        self.file.line(self.document.first_line())
    }
}
