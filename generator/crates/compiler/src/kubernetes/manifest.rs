//! Manifests: the head that all documents of Kubernetes' APIs have in common.

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
    /// What the type has beside.
    #[serde(flatten)]
    pub fields: Fields,
}

/// The fields of an object that has a name and a `spec`.
#[derive(Debug, Serialize)]
pub struct ObjectFields<'a, Spec> {
    /// What the object is called.
    pub metadata: ObjectMeta<'a>,
    /// What it is to be.
    pub spec: Spec,
}

/// What an object is called.
#[derive(Debug, Serialize)]
pub struct ObjectMeta<'a> {
    /// Unique among objects of its kind, in its namespace if it has one.
    pub name: Cow<'a, str>,
    /// Absent for objects of the whole cluster.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<&'static str>,
    /// What it is found by.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: Labels,
    /// What is noted of it.
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

/// An object of nothing but metadata.
#[derive(Debug, Serialize)]
pub struct NamespaceFields {
    /// What the object is called.
    pub metadata: ObjectMeta<'static>,
}

/// A namespace whose pods must not be able to harm the node: the strictest of the Pod Security
/// Standards, which all pods that are put there meet.
#[must_use]
pub fn namespace(name: &'static str) -> Manifest<NamespaceFields> {
    let metadata =
        ObjectMeta::cluster(name).labels([("pod-security.kubernetes.io/enforce", "restricted")]);
    Manifest { api_version: "v1", kind: "Namespace", fields: NamespaceFields { metadata } }
}
