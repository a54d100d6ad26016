//! Readers of the emitted files, each for the subset that is emitted. Unknown text is an error with its
//! line, and is never ignored.

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
    /// The reason.
    pub message: String,
}

/// Reads a file with one statement on each line and comments that begin with `#`.
fn lines<T>(
    text: &str,
    read: impl Fn(u32, &str) -> Result<T, String>,
) -> Result<Vec<T>, Vec<ParseError>> {
    let (mut statements, mut errors) = (Vec::new(), Vec::new());
    for (line, text) in (1..).zip(text.lines()) {
        let statement = text.trim();
        if statement.is_empty() || statement.starts_with('#') {
            continue;
        }
        match read(line, statement) {
            Ok(one) => statements.push(one),
            Err(message) => errors.push(ParseError { line, message }),
        }
    }
    if errors.is_empty() { Ok(statements) } else { Err(errors) }
}
