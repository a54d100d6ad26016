//! Readers of the emitted files, each for the subset that is emitted. Unknown text is an error with its
//! line, and is never ignored.

pub(crate) mod apply_script;
pub(crate) mod calico;
pub(crate) mod charts;
pub(crate) mod cloudflared;
pub(crate) mod data;
pub(crate) mod dns_zone;
pub(crate) mod global_policy;
pub(crate) mod haproxy;
pub(crate) mod host_facts;
pub(crate) mod hosts;
pub(crate) mod ingress;
pub(crate) mod kube_proxy;
pub(crate) mod kubeadm;
pub(crate) mod nftables;
pub(crate) mod node_env;
pub(crate) mod node_json;
pub(crate) mod objects;
pub(crate) mod overlay;
pub(crate) mod patches;
mod peer_list;
pub(crate) mod relay_list;
pub(crate) mod routes;
mod setting_value;
pub(crate) mod tree;
pub(crate) mod unit;
pub(crate) mod user_data;
pub(crate) mod user_settings;
pub(crate) mod user_values;
pub(crate) mod wg_quick;
mod yaml;

/// A line that is not understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ParseError {
    /// The line, from 1; 0 is the file as a whole.
    pub line: u32,
    /// The reason.
    pub message: String,
}

/// After so many faults of one file, the rest of it is not read: a file of another format has one in each
/// line.
const MOST_FAULTS: usize = 100;

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
        if errors.len() == MOST_FAULTS {
            break;
        }
    }
    if errors.is_empty() { Ok(statements) } else { Err(errors) }
}
