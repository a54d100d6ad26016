//! JSON, indented by two spaces, with a newline at the end.

use serde::Serialize;
use serde_json::value::RawValue;

/// Serialises one value as a file.
#[must_use]
pub fn file(value: &impl Serialize) -> Vec<u8> {
    let mut bytes = serde_json::to_vec_pretty(value)
        .unwrap_or_else(|fault| unreachable!("our structs have string keys: {fault}"));
    bytes.push(b'\n');
    bytes
}

/// Serialises one value with the indentation of `depth` levels, for a value that many files contain.
#[must_use]
pub fn fragment(value: &impl Serialize, depth: usize) -> Box<RawValue> {
    let text = serde_json::to_string_pretty(value).map(|text| {
        let indent = format!("\n{}", "  ".repeat(depth));
        text.replace('\n', &indent)
    });
    let fragment = text.and_then(RawValue::from_string);
    fragment.unwrap_or_else(|fault| unreachable!("our structs have string keys: {fault}"))
}
