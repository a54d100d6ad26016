//! Values in arguments: the types of the topology, with their own error messages.

use meshwright_value::{Malformed, NodeId, Number as _, Text};

/// Parses a value; the error is that of its type.
pub(super) fn parse<T: Text>(text: &str) -> Result<T, String> {
    T::parse(text).map_err(message)
}

/// Parses the id of a node or client.
pub(super) fn parse_id(text: &str) -> Result<NodeId, String> {
    let integer = text.parse().map_err(|_| format!("expected {}", NodeId::EXPECTED))?;
    NodeId::from_integer(integer).map_err(message)
}

fn message(malformed: Malformed) -> String {
    let Malformed { message, help, .. } = malformed;
    match help {
        Some(help) => format!("{message}; {help}"),
        None => message,
    }
}

/// A value as TOML. No type of an argument accepts a quote or a backslash.
pub(super) fn quoted(value: impl std::fmt::Display) -> String {
    format!("\"{value}\"")
}
