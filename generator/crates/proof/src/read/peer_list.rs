//! `wg0.peers`: the peers for `meshwright-node`, whose columns are separated by tabs.

use std::net::Ipv4Addr;

use super::{MOST_FAULTS, ParseError};
use meshwright_value::{PublicKey, Text};

/// One line.
#[derive(Debug, Clone)]
pub(super) struct ListedPeer {
    /// Whether the peer is a node.
    pub(super) is_node: bool,
    /// Its name.
    pub(super) name: String,
    /// Its key.
    pub(super) public_key: PublicKey,
    /// The addresses of the machines whose packets it carries.
    pub(super) addresses: Vec<Ipv4Addr>,
    /// The file of the preshared key, if there is one.
    pub(super) preshared_key_file: Option<String>,
    /// Its line.
    pub(super) line: u32,
}

/// Reads a file. `meshwright-node` reads each line as a peer: the file has no comments.
///
/// # Errors
///
/// Every line that is not understood.
pub(super) fn read(text: &str) -> Result<Vec<ListedPeer>, Vec<ParseError>> {
    let (mut peers, mut errors) = (Vec::new(), Vec::new());
    for (line, columns) in (1..).zip(text.lines()) {
        if errors.len() == MOST_FAULTS {
            return Err(errors);
        }
        match peer(columns, line) {
            Some(peer) => peers.push(peer),
            None => {
                errors.push(ParseError { line, message: format!("`{columns}` is not understood") });
            }
        }
    }
    if text.ends_with('\n') || text.is_empty() {
        return if errors.is_empty() { Ok(peers) } else { Err(errors) };
    }
    // `read` of bash(1) returns 1 for a last line without a line break, and the loop ends before it.
    let message = "the last line does not end, and meshwright-node does not read it".to_owned();
    let line = u32::try_from(text.lines().count()).unwrap_or(u32::MAX);
    errors.push(ParseError { line, message });
    Err(errors)
}

fn peer(columns: &str, line: u32) -> Option<ListedPeer> {
    let columns: Vec<_> = columns.split('\t').collect();
    let [kind, name, public_key, addresses, preshared_key_file] = columns[..] else { return None };
    let is_node = match kind {
        "node" => true,
        "client" => false,
        _ => return None,
    };
    // A client that reaches only pods carries no address of a machine.
    let addresses = addresses.split(',').filter(|address| !address.is_empty());
    Some(ListedPeer {
        is_node,
        name: name.to_owned(),
        public_key: PublicKey::parse(public_key).ok()?,
        addresses: addresses.map(|address| address.parse().ok()).collect::<Option<_>>()?,
        preshared_key_file: (preshared_key_file != "-").then(|| preshared_key_file.to_owned()),
        line,
    })
}
