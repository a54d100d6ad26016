//! The fields of `node.json` that only files of fixed families repeat: `node.env`, containerd's mirrors.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::ParseError;
use crate::facts::{HostFacts, PackageFacts};
use meshwright_value::Text;

#[derive(Deserialize)]
struct HostFactsDocument {
    os: String,
    arch: String,
    firewall: SshJson,
    containerd: ContainerdJson,
    kubernetes: KubernetesJson,
    packages: Option<PackageFacts>,
}

#[derive(Deserialize)]
struct SshJson {
    ssh_port: u16,
    ssh_from: Vec<serde::de::IgnoredAny>,
}

#[derive(Deserialize)]
struct ContainerdJson {
    mirrors: BTreeMap<String, Vec<String>>,
}

#[derive(Deserialize)]
struct KubernetesJson {
    scheduler: String,
    applies_manifests: bool,
}

/// Reads `node.json`.
///
/// # Errors
///
/// When a field is missing or has another type.
pub(crate) fn read(text: &str) -> Result<HostFacts, ParseError> {
    let document: HostFactsDocument = serde_json::from_str(text).map_err(|error| ParseError {
        line: u32::try_from(error.line()).unwrap_or(0),
        message: error.to_string(),
    })?;
    let HostFactsDocument { os, arch, firewall, containerd, kubernetes, packages } = document;
    Ok(HostFacts {
        os: keyword("os", &os, text)?,
        arch: keyword("arch", &arch, text)?,
        scheduler: keyword("scheduler", &kubernetes.scheduler, text)?,
        applies_manifests: kubernetes.applies_manifests,
        ssh_port: firewall.ssh_port,
        ssh_from_outside: !firewall.ssh_from.is_empty(),
        mirrors: containerd.mirrors,
        packages,
    })
}

/// One word of a list, with the line of its key.
fn keyword<T: Text>(key: &str, word: &str, text: &str) -> Result<T, ParseError> {
    T::parse(word).map_err(|_| {
        let name = format!("\"{key}\":");
        let known = (1..).zip(text.lines()).find(|(_, line)| line.trim_start().starts_with(&name));
        let line = known.map_or(0, |(line, _)| line);
        ParseError { line, message: format!("`{word}` is not a known {key}") }
    })
}
