//! JSON, indented by two spaces, with a newline at the end.

use serde::Serialize;

/// Serialises one value as a file.
#[must_use]
pub fn file(value: &impl Serialize) -> Vec<u8> {
    let mut bytes = serde_json::to_vec_pretty(value)
        .unwrap_or_else(|fault| unreachable!("our structs have string keys: {fault}"));
    bytes.push(b'\n');
    bytes
}
