//! kubeadm's patches: the listening addresses of a node's API server and kubelet.

use std::net::Ipv4Addr;

use serde::Deserialize;
use serde_saphyr::Spanned;

use super::ParseError;
use super::yaml;
use crate::span::LineSpanned;

/// One operation (RFC 6902).
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PatchOperation {
    #[serde(rename = "op")]
    kind: String,
    path: String,
    value: Spanned<String>,
}

/// The fields that are merged into `KubeletConfiguration`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct KubeletPatchYaml {
    address: Spanned<String>,
    #[expect(dead_code, reason = "it limits the number of pods, not what they reach")]
    max_pods: Option<u32>,
}

/// The end of the API server's command line.
const COMMAND: &str = "/spec/containers/0/command/-";
const FLAG: &str = "--bind-address=";

/// Reads `kube-apiserver0+json.yaml`: the address that the API server listens on.
///
/// # Errors
///
/// When it contains anything else.
pub(crate) fn read_api_server(text: &str) -> Result<LineSpanned<Ipv4Addr>, ParseError> {
    let document = yaml::single(&yaml::documents(text))?;
    let operations: Vec<PatchOperation> = document.read()?;
    let whole = || ParseError {
        line: 0,
        message: format!("it is not one operation that adds `{FLAG}…`"),
    };
    let [operation] = <[PatchOperation; 1]>::try_from(operations).map_err(|_| whole())?;
    let LineSpanned { value, line } = document.with_line(operation.value);
    let added = operation.kind == "add" && operation.path == COMMAND;
    let address = value.strip_prefix(FLAG).filter(|_| added).and_then(|text| text.parse().ok());
    let message = format!("`{value}` is not understood");
    address.map(|value| LineSpanned { value, line }).ok_or(ParseError { line, message })
}

/// Reads `kubeletconfiguration0+merge.yaml`: the address that kubelet listens on.
///
/// # Errors
///
/// When it contains anything else.
pub(crate) fn read_kubelet(text: &str) -> Result<LineSpanned<Ipv4Addr>, ParseError> {
    let document = yaml::single(&yaml::documents(text))?;
    let kubelet: KubeletPatchYaml = document.read()?;
    document.parse("address", kubelet.address)
}
