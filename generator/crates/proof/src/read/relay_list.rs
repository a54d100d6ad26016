//! `wg0.relays`: the pairs with several relays for `meshwright-node`, whose columns are separated by tabs.

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;

use super::{MOST_FAULTS, ParseError};
use meshwright_value::{PublicKey, Text};

/// One relay of one pair. The lines of a pair follow each other in the order in which its relays are used.
#[derive(Debug, Clone)]
pub struct ListedRelay {
    /// The name of the other node.
    pub other: String,
    /// Its address.
    pub address: Ipv4Addr,
    /// The addresses that move with the pair.
    pub moved: Vec<Ipv4Net>,
    /// The name of the relay.
    pub relay: String,
    /// The address of the relay.
    pub relay_address: Ipv4Addr,
    /// The key of the relay.
    pub relay_key: PublicKey,
    /// The line.
    pub line: u32,
}

/// Reads a file. `meshwright-node` reads each line as a relay: the file has no comments.
///
/// # Errors
///
/// Every line that is not understood.
pub(crate) fn read(text: &str) -> Result<Vec<ListedRelay>, Vec<ParseError>> {
    let (mut relays, mut errors) = (Vec::new(), Vec::new());
    for (line, columns) in (1..).zip(text.lines()) {
        if errors.len() == MOST_FAULTS {
            return Err(errors);
        }
        match relay(columns, line) {
            Some(relay) => relays.push(relay),
            None => {
                let message = format!("`{columns}` is not a relay of a pair");
                errors.push(ParseError { line, message });
            }
        }
    }
    if errors.is_empty() { Ok(relays) } else { Err(errors) }
}

fn relay(columns: &str, line: u32) -> Option<ListedRelay> {
    let columns: Vec<_> = columns.split('\t').collect();
    let [other, address, moved, relay, relay_address, relay_key] = columns[..] else { return None };
    Some(ListedRelay {
        other: other.to_owned(),
        address: address.parse().ok()?,
        moved: moved.split(',').map(|net| net.parse().ok()).collect::<Option<_>>()?,
        relay: relay.to_owned(),
        relay_address: relay_address.parse().ok()?,
        relay_key: PublicKey::parse(relay_key).ok()?,
        line,
    })
}
