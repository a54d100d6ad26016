//! The JSON Schema of `topology.toml`, for editors: `meshwright schema`.
//!
//! Made from the same tables that read the file, so a key or a value type cannot be in one and not
//! in the other. It accepts every file that `check` accepts, and refuses faults of one value: an
//! unknown or missing key, a wrong type, a word or number that is not valid. Faults of two values
//! are left to the rules.
//!
//! Not schemars: its derive reads serde's attributes, and these tables are not read by serde.
//!
//! Draft 7, the newest that Taplo supports, and the editors that use Taplo.

use serde_json::{Map, Value, json};

use super::Topology;
use super::read::Field;
use super::reference::Key;
use meshwright_value::{Form, Number, Text};

/// The whole schema.
#[must_use]
pub fn topology() -> Value {
    let mut schema = Topology::schema();
    schema["$schema"] = json!("http://json-schema.org/draft-07/schema#");
    schema["title"] = json!("topology.toml of Meshwright");
    schema
}

/// A table with these keys and no others.
pub(super) fn table(keys: &[Key]) -> Value {
    let properties: Map<_, _> =
        keys.iter().map(|key| (key.name.to_owned(), property(key))).collect();
    let required: Vec<_> = keys.iter().filter(|key| key.required).map(|key| key.name).collect();
    let mut schema =
        json!({"type": "object", "properties": properties, "additionalProperties": false});
    if !required.is_empty() {
        schema["required"] = json!(required);
    }
    schema
}

fn property(key: &Key) -> Value {
    let mut schema = (key.schema)();
    schema["description"] = json!(key.about.trim());
    if let Some(default) = (key.default)() {
        schema["default"] = default;
    }
    schema
}

/// A table whose keys the user chooses.
pub(super) fn map<K: Text, V: Field>() -> Value {
    json!({"type": "object", "propertyNames": text::<K>(), "additionalProperties": V::schema()})
}

pub(super) fn array<T: Field>() -> Value {
    json!({"type": "array", "items": T::schema()})
}

/// One value, or an array of one or two.
pub(super) fn one_or_two<T: Field>() -> Value {
    json!({"anyOf": [
        T::schema(),
        {"type": "array", "items": T::schema(), "minItems": 1, "maxItems": 2},
    ]})
}

/// One value, or an array of different ones.
pub(super) fn one_or_more<T: Field>() -> Value {
    json!({"anyOf": [
        T::schema(),
        {"type": "array", "items": T::schema(), "minItems": 1, "uniqueItems": true},
    ]})
}

pub(super) fn text<T: Text>() -> Value {
    match T::FORM {
        Form::Free => json!({"type": "string"}),
        Form::Words(words) => json!({"type": "string", "enum": words}),
        Form::Pattern(pattern) => {
            json!({"type": "string", "pattern": pattern, "examples": example(T::EXPECTED)})
        }
    }
}

/// A description in messages ends in an example between backticks.
fn example(expected: &str) -> Vec<&str> {
    expected.split('`').nth(1).into_iter().collect()
}

pub(super) fn number<T: Number>() -> Value {
    let [lowest, highest] = T::BOUNDS;
    json!({"type": "integer", "minimum": lowest, "maximum": highest})
}

pub(super) fn boolean() -> Value {
    json!({"type": "boolean"})
}
