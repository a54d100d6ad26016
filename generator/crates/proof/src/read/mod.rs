//! Readers of what is emitted, each for the subset that we emit: what one does not know is an error
//! that names the line, and never left out.

pub mod calico;
pub mod charts;
pub mod cloudflared;
pub mod dns_zone;
pub mod global_policy;
pub mod haproxy;
pub mod hosts;
pub mod ingress;
pub mod kube_proxy;
pub mod kubeadm;
pub mod nftables;
pub mod node_json;
pub mod objects;
pub mod patches;
pub mod routes;
pub mod tree;
pub mod unit;
pub mod wg_quick;
mod yaml;

/// A line that is not understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParseError {
    /// The line, from 1; 0 is the file as a whole.
    pub line: u32,
    /// Why not.
    pub message: String,
}

/// Reads a file of one statement a line, with comments that begin with `#`.
fn lines<T>(
    text: &str,
    read: impl Fn(u32, &str) -> Result<T, String>,
) -> Result<Vec<T>, Vec<ParseError>> {
    let (mut done, mut unread) = (Vec::new(), Vec::new());
    for (line, text) in (1..).zip(text.lines()) {
        let statement = text.trim();
        if statement.is_empty() || statement.starts_with('#') {
            continue;
        }
        match read(line, statement) {
            Ok(one) => done.push(one),
            Err(message) => unread.push(ParseError { line, message }),
        }
    }
    if unread.is_empty() { Ok(done) } else { Err(unread) }
}
