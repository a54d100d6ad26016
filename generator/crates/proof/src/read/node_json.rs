//! `node.json`: values that are in no other file: names and keys of peers, the public ports, and the
//! MTU of the underlay.

use ipnet::IpNet;
use serde::Deserialize;

use crate::read::ParseError;
use meshwright_value::{Endpoint, OpenPort, PublicKey, Text};

/// The fields of one node's HostPlan that the proof uses.
#[derive(Debug)]
pub struct NodeJson {
    /// The port of sshd.
    pub ssh_port: u16,
    /// The sources that may reach it.
    pub ssh_from: Vec<IpNet>,
    /// Further public ports.
    pub open_ports: Vec<OpenPort>,
    /// The MTU between the node and the Internet, in bytes.
    pub underlay_mtu: u16,
    /// Its peers.
    pub peers: Vec<NamedPeer>,
}

/// A peer by its name.
#[derive(Debug)]
pub struct NamedPeer {
    /// The name in the topology.
    pub name: String,
    /// Its key.
    pub public_key: PublicKey,
    /// Its endpoint.
    pub endpoint: Option<Endpoint>,
}

#[derive(Deserialize)]
struct NodeJsonDocument<'text> {
    #[serde(borrow)]
    wireguard: WireGuardJson<'text>,
    firewall: FirewallJson,
}

#[derive(Deserialize)]
struct WireGuardJson<'text> {
    underlay_mtu: u16,
    #[serde(borrow)]
    peers: Vec<PeerJson<'text>>,
}

#[derive(Deserialize)]
struct PeerJson<'text> {
    name: &'text str,
    public_key: &'text str,
    endpoint: Option<&'text str>,
}

#[derive(Deserialize)]
struct FirewallJson {
    ssh_port: u16,
    ssh_from: Vec<IpNet>,
    open_ports: Vec<String>,
}

/// Reads a file.
///
/// # Errors
///
/// When it has another structure.
pub(crate) fn read(text: &str) -> Result<NodeJson, ParseError> {
    let document: NodeJsonDocument<'_> = serde_json::from_str(text).map_err(|error| {
        ParseError { line: u32::try_from(error.line()).unwrap_or(0), message: reason(&error) }
    })?;
    let unread =
        |value: &str| ParseError { line: 0, message: format!("`{value}` is not understood") };
    let open_ports = document.firewall.open_ports.iter();
    let open_ports = open_ports.map(|port| OpenPort::parse(port).map_err(|_| unread(port)));
    let peers = document.wireguard.peers.iter().map(|peer| {
        let public_key = PublicKey::parse(peer.public_key).map_err(|_| unread(peer.public_key))?;
        let endpoint = peer.endpoint.map(|text| Endpoint::parse(text).map_err(|_| unread(text)));
        Ok(NamedPeer { name: peer.name.to_owned(), public_key, endpoint: endpoint.transpose()? })
    });
    Ok(NodeJson {
        ssh_port: document.firewall.ssh_port,
        ssh_from: document.firewall.ssh_from,
        open_ports: open_ports.collect::<Result<_, _>>()?,
        underlay_mtu: document.wireguard.underlay_mtu,
        peers: peers.collect::<Result<_, _>>()?,
    })
}

/// The reason without its line and column: the finding has its own line.
fn reason(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.split(" at line ").next().unwrap_or_default().to_owned()
}
