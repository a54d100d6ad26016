//! Settings of other programs, in their own words: their meaning is not known here.

use serde::Serialize;
use serde_json::{Map, Number, Value, json};

use super::read::{Field, TYPE_MISMATCH, VALUE_MALFORMED, mismatch};
use crate::diagnostic::{Finding, Problems};
use crate::document::TomlValue;
use crate::route::Route;

/// A table of settings: keys with values, lists and further tables.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Settings(Map<String, Value>);

impl Settings {
    /// The keys and values.
    #[must_use]
    pub const fn entries(&self) -> &Map<String, Value> {
        &self.0
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// These settings above others: of a key that both have, this value counts; tables are merged key by key.
    #[must_use]
    pub fn above(&self, below: &Self) -> Self {
        let mut merged = below.0.clone();
        merge(&mut merged, &self.0);
        Self(merged)
    }

    /// Adds or replaces one setting.
    #[must_use]
    pub fn with(mut self, key: &str, value: Value) -> Self {
        let _ = self.0.insert(key.to_owned(), value);
        self
    }
}

fn merge(below: &mut Map<String, Value>, above: &Map<String, Value>) {
    for (key, value) in above {
        match (below.get_mut(key), value) {
            (Some(Value::Object(below)), Value::Object(above)) => merge(below, above),
            _ => drop(below.insert(key.clone(), value.clone())),
        }
    }
}

impl Field for Settings {
    const EXPECTED: &'static str = "a table";

    fn schema() -> Value {
        json!({"type": "object"})
    }

    fn read(value: &TomlValue, at: &Route, problems: &mut Problems) -> Option<Self> {
        let TomlValue::Table(_) = value else { return mismatch(value, at, problems) };
        match setting(value, at, problems) {
            Value::Object(entries) => Some(Self(entries)),
            _ => None,
        }
    }

    fn placeholder(_: &Route) -> Option<Self> {
        Some(Self::default())
    }
}

/// A value as JSON. One that JSON does not have is reported, and is null.
fn setting(value: &TomlValue, at: &Route, problems: &mut Problems) -> Value {
    match value {
        TomlValue::String(text) => Value::from(text.as_str()),
        TomlValue::Integer(integer) => Value::from(integer.value),
        TomlValue::Float(text) => float(text, at, problems),
        TomlValue::Boolean(boolean) => Value::from(*boolean),
        TomlValue::Datetime => {
            let message = format!("`{at}` is a date, which YAML does not have");
            let finding = Finding::new(message, at, "a date").help("put it between quotes");
            problems.broken(TYPE_MISMATCH, at, finding);
            Value::Null
        }
        TomlValue::Array(items) => {
            let items = items.iter().enumerate();
            items.map(|(index, item)| setting(&item.value, &at.index(index), problems)).collect()
        }
        TomlValue::Table(table) => {
            let entries = table.iter().map(|(key, item)| {
                (key.clone(), setting(&item.value, &at.key(key.clone()), problems))
            });
            Value::Object(entries.collect())
        }
    }
}

fn float(text: &str, at: &Route, problems: &mut Problems) -> Value {
    let number = text.replace('_', "").parse().ok().and_then(Number::from_f64);
    number.map_or_else(
        || {
            let message = format!("`{text}` is not a number that JSON and YAML have");
            problems.broken(VALUE_MALFORMED, at, Finding::new(message, at, "not a finite number"));
            Value::Null
        },
        Value::Number,
    )
}

/// The value of an argument of a program: one text, or one for each time that the argument is given.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ArgumentValue(Vec<String>);

impl ArgumentValue {
    /// The texts, in their order.
    pub fn texts(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}

impl Field for ArgumentValue {
    const EXPECTED: &'static str = "a string, a number, a boolean, or an array of these";

    fn schema() -> Value {
        let scalars = ["string", "integer", "number", "boolean"].map(|name| json!({"type": name}));
        let array = json!({"type": "array", "items": {"anyOf": scalars}});
        let all = [scalars.as_slice(), &[array]].concat();
        json!({"anyOf": all})
    }

    fn read(value: &TomlValue, at: &Route, problems: &mut Problems) -> Option<Self> {
        let texts = match value {
            TomlValue::Array(items) => items.iter().map(|item| argument(&item.value)).collect(),
            _ => argument(value).map(|text| vec![text]),
        };
        let Some(texts): Option<Vec<_>> = texts else { return mismatch(value, at, problems) };
        if texts.iter().any(|text| text.contains(char::is_control)) {
            let message = format!("`{at}` has a control character");
            problems.broken(VALUE_MALFORMED, at, Finding::new(message, at, "not one line of text"));
            return None;
        }
        Some(Self(texts))
    }

    fn placeholder(_: &Route) -> Option<Self> {
        Some(Self::default())
    }
}

/// A scalar as a program reads it from its command line.
fn argument(value: &TomlValue) -> Option<String> {
    match value {
        TomlValue::String(text) => Some(text.clone()),
        TomlValue::Integer(integer) => Some(integer.value.to_string()),
        TomlValue::Float(text) => Some(text.clone()),
        TomlValue::Boolean(boolean) => Some(boolean.to_string()),
        TomlValue::Datetime | TomlValue::Array(_) | TomlValue::Table(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, Value, json};

    use super::Settings;

    fn settings(value: Value) -> Settings {
        let Value::Object(entries) = value else { return Settings(Map::new()) };
        Settings(entries)
    }

    #[test]
    fn tables_are_merged_and_other_values_replaced() {
        let below = settings(json!({"a": {"b": 1, "c": [1, 2]}, "d": 1, "e": {"f": 1}}));
        let above = settings(json!({"a": {"c": [3]}, "d": {"g": 1}, "e": 2}));
        let expected = settings(json!({"a": {"b": 1, "c": [3]}, "d": {"g": 1}, "e": 2}));
        assert_eq!(above.above(&below), expected);
    }
}
