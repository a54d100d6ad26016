//! Parts of the JSON Schemas of documents for machines. Draft 7, as the schema of the topology.

use serde_json::{Value, json};

/// An object that has all of these properties and no other.
#[must_use]
pub fn object(properties: &Value) -> Value {
    let required: Vec<_> = properties.as_object().into_iter().flat_map(|map| map.keys()).collect();
    json!({
        "type": "object",
        "additionalProperties": false,
        "required": required,
        "properties": properties,
    })
}

/// An array.
#[must_use]
pub fn list(items: &Value, about: &str) -> Value {
    json!({ "type": "array", "items": items, "description": about })
}

/// A value, or null.
#[must_use]
pub fn optional(schema: &Value, about: &str) -> Value {
    json!({ "description": about, "oneOf": [schema, { "type": "null" }] })
}

/// A text.
#[must_use]
pub fn text(about: &str) -> Value {
    json!({ "type": "string", "description": about })
}

/// An array of texts.
#[must_use]
pub fn texts(about: &str) -> Value {
    list(&json!({ "type": "string" }), about)
}

/// A text, or null.
#[must_use]
pub fn optional_text(about: &str) -> Value {
    optional(&json!({ "type": "string" }), about)
}

/// An integer of at least zero.
#[must_use]
pub fn count(about: &str) -> Value {
    json!({ "type": "integer", "minimum": 0, "description": about })
}
