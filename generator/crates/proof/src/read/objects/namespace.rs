//! Namespaces, and ConfigMaps. The texts of a ConfigMap are interpreted by the reader of its workload.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_saphyr::Spanned;

use super::{MetadataYaml, ObjectLabels, ObjectSource};
use crate::read::ParseError;
use crate::span::FileSpanned;

/// A Namespace.
#[derive(Debug, Clone)]
pub struct EmittedNamespace {
    /// Its name.
    pub name: String,
    /// Its labels, without those that the API server adds.
    labels: ObjectLabels,
}

impl EmittedNamespace {
    /// Its labels.
    #[must_use]
    pub fn labels(&self) -> &ObjectLabels {
        &self.labels
    }
}

/// A ConfigMap.
#[derive(Debug, Clone)]
pub struct EmittedConfigMap {
    /// Its name.
    pub name: FileSpanned<String>,
    /// Its namespace.
    pub namespace: String,
    /// Its texts by their keys, each with its first line.
    pub data: BTreeMap<String, FileSpanned<String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct NamespaceYaml {
    api_version: Spanned<String>,
    #[expect(dead_code, reason = "the document's kind is read before")]
    kind: IgnoredAny,
    metadata: MetadataYaml,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ConfigMapYaml {
    api_version: Spanned<String>,
    #[expect(dead_code, reason = "the document's kind is read before")]
    kind: IgnoredAny,
    metadata: MetadataYaml,
    data: BTreeMap<String, Spanned<String>>,
}

pub(super) fn read(source: &ObjectSource<'_>) -> Result<EmittedNamespace, ParseError> {
    let manifest: NamespaceYaml = source.document.read()?;
    source.expect_api("v1", manifest.api_version)?;
    let MetadataYaml { name, labels, .. } = manifest.metadata;
    Ok(EmittedNamespace { name: name.value, labels: source.labels(labels) })
}

pub(super) fn read_settings(source: &ObjectSource<'_>) -> Result<EmittedConfigMap, ParseError> {
    let manifest: ConfigMapYaml = source.document.read()?;
    source.expect_api("v1", manifest.api_version)?;
    let MetadataYaml { name, namespace, .. } = manifest.metadata;
    let data = manifest.data.into_iter().map(|(key, text)| (key, source.with_place(text)));
    Ok(EmittedConfigMap {
        name: source.with_place(name),
        namespace: source.namespace(namespace),
        data: data.collect(),
    })
}
