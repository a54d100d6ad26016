//! Namespaces, and ConfigMaps as they are: what their texts mean is for whoever mounts them.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_saphyr::Spanned;

use super::{Labels, Metadata, Source};
use crate::read::Unread;
use crate::span::Fact;

/// A Namespace.
#[derive(Debug)]
pub struct Namespace {
    /// Its name.
    pub name: String,
    /// Its labels, without those that the API server adds.
    labels: Labels,
}

impl Namespace {
    /// Its labels.
    #[must_use]
    pub fn labels(&self) -> &Labels {
        &self.labels
    }
}

/// A ConfigMap.
#[derive(Debug)]
pub struct Settings {
    /// Its name.
    pub name: Fact<String>,
    /// Its namespace.
    pub namespace: String,
    /// Its texts by their keys; the place is that of the key.
    pub data: BTreeMap<String, Fact<String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct NamespaceManifest {
    api_version: Spanned<String>,
    #[expect(dead_code, reason = "read before")]
    kind: IgnoredAny,
    metadata: Metadata,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ConfigMap {
    api_version: Spanned<String>,
    #[expect(dead_code, reason = "read before")]
    kind: IgnoredAny,
    metadata: Metadata,
    data: BTreeMap<String, Spanned<String>>,
}

pub(super) fn read(source: &Source<'_>) -> Result<Namespace, Unread> {
    let manifest: NamespaceManifest = source.document.read()?;
    source.expect_api("v1", manifest.api_version)?;
    let Metadata { name, labels, .. } = manifest.metadata;
    Ok(Namespace { name: name.value, labels: source.labels(labels) })
}

pub(super) fn read_settings(source: &Source<'_>) -> Result<Settings, Unread> {
    let manifest: ConfigMap = source.document.read()?;
    source.expect_api("v1", manifest.api_version)?;
    let Metadata { name, namespace, .. } = manifest.metadata;
    let data = manifest.data.into_iter().map(|(key, text)| (key, source.fact(text)));
    Ok(Settings {
        name: source.fact(name),
        namespace: source.namespace(namespace),
        data: data.collect(),
    })
}
