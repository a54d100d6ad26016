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
    max_pods: Option<Spanned<u32>>,
}

/// What kubelet's configuration states.
#[derive(Debug, Clone, Copy)]
pub struct KubeletConf {
    /// The address that it listens on.
    pub address: LineSpanned<Ipv4Addr>,
    /// How many pods it starts at most; kubelet's default if absent.
    pub max_pods: Option<LineSpanned<u32>>,
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

/// Reads `kubeletconfiguration0+merge.yaml`.
///
/// # Errors
///
/// When it contains anything else.
pub(crate) fn read_kubelet(text: &str) -> Result<KubeletConf, ParseError> {
    let document = yaml::single(&yaml::documents(text))?;
    let kubelet: KubeletPatchYaml = document.read()?;
    Ok(KubeletConf {
        address: document.parse("address", kubelet.address)?,
        max_pods: kubelet.max_pods.map(|count| document.with_line(count)),
    })
}
