//! kubeadm's patches: the listening addresses of a node's API server and kubelet.

use std::net::Ipv4Addr;

use serde::Deserialize;
use serde_saphyr::Spanned;

use super::ParseError;
use super::data::{self, DataNode, DataScalar, DataValue};
use super::user_settings::{self, UserSetting};
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

/// What kubelet's configuration states.
#[derive(Debug, Clone)]
pub struct KubeletConf {
    /// The address that it listens on.
    pub address: LineSpanned<Ipv4Addr>,
    /// How many pods it starts at most; kubelet's default if absent.
    pub max_pods: Option<LineSpanned<u32>>,
    /// The settings on which no flow depends, as far as they are known.
    pub added: Vec<UserSetting>,
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
/// When a field has another form, or when the proof depends on one that this version does not emit.
pub(crate) fn read_kubelet(text: &str) -> Result<KubeletConf, ParseError> {
    let _ = yaml::single(&yaml::documents(text))?;
    let whole = || ParseError { line: 0, message: "it has no fields".to_owned() };
    let document = data::read(text)?.pop().ok_or_else(whole)?;
    let DataValue::Map(fields) = document.root.value else { return Err(whole()) };
    let (mut address, mut max_pods, mut added) = (None, None, Vec::new());
    for (name, value) in &fields {
        match name.as_str() {
            "address" => address = Some(listening_address(value)?),
            "readOnlyPort" => without_read_only_port(value)?,
            "maxPods" => max_pods = Some(number_of_pods(value)?),
            _ => added.push(user_settings::kubelet_field(name, value)?),
        }
    }
    let missing = || ParseError { line: 0, message: "missing field `address`".to_owned() };
    Ok(KubeletConf { address: address.ok_or_else(missing)?, max_pods, added })
}

fn listening_address(node: &DataNode) -> Result<LineSpanned<Ipv4Addr>, ParseError> {
    let value = node.text().and_then(|text| text.parse().ok());
    let message = "kubelet's address is not a valid IPv4 address".to_owned();
    let fault = ParseError { line: node.line, message };
    value.map(|value| LineSpanned { value, line: node.line }).ok_or(fault)
}

/// At any other port than 0, everyone in the mesh can read all pods of the node.
fn without_read_only_port(node: &DataNode) -> Result<(), ParseError> {
    let message = "readOnlyPort is not 0".to_owned();
    match &node.value {
        DataValue::Scalar(DataScalar::Number(0)) => Ok(()),
        _ => Err(ParseError { line: node.line, message }),
    }
}

fn number_of_pods(node: &DataNode) -> Result<LineSpanned<u32>, ParseError> {
    let value = match &node.value {
        DataValue::Scalar(DataScalar::Number(number)) => u32::try_from(*number).ok(),
        _ => None,
    };
    let fault = ParseError { line: node.line, message: "maxPods is not a number".to_owned() };
    value.map(|value| LineSpanned { value, line: node.line }).ok_or(fault)
}
