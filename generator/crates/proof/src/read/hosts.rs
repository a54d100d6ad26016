//! `hosts` (hosts(5)), with one name on each line.

use std::net::Ipv4Addr;

use super::ParseError;

/// One name.
#[derive(Debug, Clone)]
pub struct HostsEntry {
    /// Its address.
    pub address: Ipv4Addr,
    /// The name.
    pub name: String,
    /// Its line.
    pub line: u32,
}

/// Reads a file.
///
/// # Errors
///
/// Every line that is not an address and a name.
pub(crate) fn read(text: &str) -> Result<Vec<HostsEntry>, Vec<ParseError>> {
    super::lines(text, |line, statement| {
        let words: Vec<_> = statement.split_whitespace().collect();
        let host = match words[..] {
            [address, name] => address.parse().ok().map(|address| (address, name)),
            _ => None,
        };
        let (address, name) = host.ok_or_else(|| format!("`{statement}` is not understood"))?;
        Ok(HostsEntry { address, name: name.to_owned(), line })
    })
}
