//! Manifests: the fields that all documents of Kubernetes' APIs share.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Serialize;

/// A document: its type, and the fields of that type.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Manifest<Fields> {
    /// The group and version of the API.
    pub api_version: &'static str,
    /// The type.
    pub kind: &'static str,
    /// The further fields of the type.
    #[serde(flatten)]
    pub fields: Fields,
}

/// The fields of an object that has a name and a `spec`.
#[derive(Debug, Serialize)]
pub struct ObjectFields<'a, Spec> {
    /// The name and labels of the object.
    pub metadata: ObjectMeta<'a>,
    /// The desired state.
    pub spec: Spec,
}

/// The name, labels and annotations of an object.
#[derive(Debug, Serialize)]
pub struct ObjectMeta<'a> {
    /// Unique among objects of its kind, in its namespace if it has one.
    pub name: Cow<'a, str>,
    /// Absent for objects of the whole cluster.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<&'static str>,
    /// Its labels, used by selectors.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: Labels,
    /// Its annotations.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<&'static str, String>,
}

/// Labels by their keys.
pub type Labels = BTreeMap<&'static str, &'static str>;

impl<'a> ObjectMeta<'a> {
    /// An object of the whole cluster.
    pub fn cluster(name: impl Into<Cow<'a, str>>) -> Self {
        Self {
            name: name.into(),
            namespace: None,
            labels: Labels::new(),
            annotations: BTreeMap::new(),
        }
    }

    /// An object in a namespace.
    pub fn namespaced(name: impl Into<Cow<'a, str>>, namespace: &'static str) -> Self {
        Self { namespace: Some(namespace), ..Self::cluster(name) }
    }

    /// Adds labels.
    #[must_use]
    pub fn labels(
        mut self,
        labels: impl IntoIterator<Item = (&'static str, &'static str)>,
    ) -> Self {
        self.labels.extend(labels);
        self
    }

    /// Adds an annotation.
    #[must_use]
    pub fn annotation(mut self, key: &'static str, value: impl Into<String>) -> Self {
        self.annotations.insert(key, value.into());
        self
    }
}

/// The fields of a namespace: its metadata.
#[derive(Debug, Serialize)]
pub struct NamespaceFields {
    /// The name and labels of the object.
    pub metadata: ObjectMeta<'static>,
}

/// A namespace with the strictest Pod Security Standard, which all of our pods meet: its pods cannot
/// harm the node.
#[must_use]
pub fn namespace(name: &'static str) -> Manifest<NamespaceFields> {
    let metadata =
        ObjectMeta::cluster(name).labels([("pod-security.kubernetes.io/enforce", "restricted")]);
    Manifest { api_version: "v1", kind: "Namespace", fields: NamespaceFields { metadata } }
}
