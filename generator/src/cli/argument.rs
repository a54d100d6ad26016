//! Values in arguments: the types of the topology, with their own error messages.

use meshwright_value::{Endpoint, Endpoints, Malformed, NodeId, Number as _, Text};

/// Parses a value; the error is that of its type.
pub(super) fn parse<T: Text>(text: &str) -> Result<T, String> {
    T::parse(text).map_err(message)
}

/// Parses the id of a node or client.
pub(super) fn parse_id(text: &str) -> Result<NodeId, String> {
    let integer = text.parse().map_err(|_| format!("expected {}", NodeId::EXPECTED))?;
    NodeId::from_integer(integer).map_err(message)
}

/// Parses an endpoint, or one of each address family, separated by a comma.
pub(super) fn parse_endpoints(text: &str) -> Result<Endpoints, String> {
    let (first, second) = match text.split_once(',') {
        Some((first, second)) => (first, Some(second)),
        None => (text, None),
    };
    endpoints(parse(first)?, second.map(parse).transpose()?)
}

/// An endpoint, and perhaps one of the other address family.
pub(super) fn endpoints(first: Endpoint, second: Option<Endpoint>) -> Result<Endpoints, String> {
    Endpoints::new(first, second).map_err(message)
}

/// Endpoints as TOML: an array if there are two.
pub(super) fn quoted_endpoints(endpoints: &Endpoints) -> String {
    quoted_all(endpoints.iter())
}

/// One value as TOML, and several as an array.
pub(super) fn quoted_all(values: impl IntoIterator<Item = impl std::fmt::Display>) -> String {
    let all: Vec<_> = values.into_iter().map(quoted).collect();
    match all.as_slice() {
        [only] => only.clone(),
        several => format!("[{}]", several.join(", ")),
    }
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
