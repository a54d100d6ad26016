//! Manifests: the head that all documents of Kubernetes' APIs have in common.

use std::borrow::Cow;

use serde::Serialize;

/// A document: its type, and the fields of that type.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Manifest<Fields> {
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
pub(crate) struct Object<'a, Spec> {
    /// What the object is called.
    pub metadata: Metadata<'a>,
    /// What it is to be.
    pub spec: Spec,
}

/// What an object is called.
#[derive(Debug, Serialize)]
pub(crate) struct Metadata<'a> {
    /// Unique among objects of its kind, in its namespace if it has one.
    pub name: Cow<'a, str>,
    /// Absent for objects of the whole cluster.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<&'static str>,
}

impl<'a> Metadata<'a> {
    /// An object of the whole cluster.
    pub(crate) fn cluster(name: impl Into<Cow<'a, str>>) -> Self {
        Self { name: name.into(), namespace: None }
    }

    /// An object in a namespace.
    pub(crate) fn namespaced(name: impl Into<Cow<'a, str>>, namespace: &'static str) -> Self {
        Self { name: name.into(), namespace: Some(namespace) }
    }
}
