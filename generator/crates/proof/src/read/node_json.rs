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
    /// The node's own public key.
    pub public_key: PublicKey,
    /// The node's public endpoint, if it has one.
    pub endpoint: Option<Endpoint>,
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
    public_key: &'text str,
    endpoint: Option<&'text str>,
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
    let NodeJsonDocument { wireguard, firewall } = document;
    let peers = wireguard.peers.iter().map(|peer| {
        Ok(NamedPeer {
            name: peer.name.to_owned(),
            public_key: parse(peer.public_key)?,
            endpoint: peer.endpoint.map(parse).transpose()?,
        })
    });
    let open_ports = firewall.open_ports.iter().map(|port| parse(port));
    Ok(NodeJson {
        ssh_port: firewall.ssh_port,
        ssh_from: firewall.ssh_from,
        open_ports: open_ports.collect::<Result<_, _>>()?,
        public_key: parse(wireguard.public_key)?,
        endpoint: wireguard.endpoint.map(parse).transpose()?,
        underlay_mtu: wireguard.underlay_mtu,
        peers: peers.collect::<Result<_, _>>()?,
    })
}

fn parse<T: Text>(text: &str) -> Result<T, ParseError> {
    let message = format!("`{text}` is not understood");
    T::parse(text).map_err(|_| ParseError { line: 0, message })
}

/// The reason without its line and column: the finding has its own line.
fn reason(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.split(" at line ").next().unwrap_or_default().to_owned()
}
