//! A check of the keywords of JSON Schema that Meshwright's own schemas contain. A schema with another keyword
//! is a fault, so that no condition is skipped.

use regex::Regex;
use serde_json::Value;

/// The faults of a document, each with its path.
pub(crate) fn faults(schema: &Value, document: &Value) -> Vec<String> {
    let mut check = SchemaCheck { root: schema, faults: Vec::new() };
    check.value(schema, document, "");
    check.faults
}

struct SchemaCheck<'schema> {
    root: &'schema Value,
    faults: Vec<String>,
}

impl SchemaCheck<'_> {
    fn value(&mut self, schema: &Value, value: &Value, path: &str) {
        let keywords = schema.as_object().into_iter().flatten();
        for (keyword, wanted) in keywords {
            if !self.keyword(schema, (keyword, wanted), value, path) {
                self.faults.push(format!("{path}: {keyword} {wanted} refuses {value}"));
            }
        }
    }

    /// Whether the keyword itself accepts the value; faults of its parts are added.
    fn keyword(
        &mut self,
        schema: &Value,
        (keyword, wanted): (&str, &Value),
        value: &Value,
        path: &str,
    ) -> bool {
        match keyword {
            "$schema" | "title" | "description" | "definitions" | "examples" | "default" => true,
            "$ref" => {
                let pointer = wanted.as_str().and_then(|target| target.strip_prefix('#'));
                let target = pointer.and_then(|pointer| self.root.pointer(pointer)).cloned();
                target.is_some_and(|target| {
                    self.value(&target, value, path);
                    true
                })
            }
            "oneOf" => self.accepting(wanted, value) == 1,
            "anyOf" => self.accepting(wanted, value) > 0,
            "type" => wanted.as_str() == Some(type_of(value)),
            "const" => wanted == value,
            "enum" => wanted.as_array().is_some_and(|words| words.contains(value)),
            "minimum" => value.as_i64() >= wanted.as_i64(),
            "maxItems" => value.as_array().map(|list| list.len() as u64) <= wanted.as_u64(),
            "pattern" => wanted
                .as_str()
                .and_then(|pattern| Regex::new(pattern).ok())
                .is_some_and(|pattern| value.as_str().is_some_and(|text| pattern.is_match(text))),
            "items" => {
                for (position, item) in value.as_array().into_iter().flatten().enumerate() {
                    self.value(wanted, item, &format!("{path}/{position}"));
                }
                true
            }
            "properties" => {
                for (name, property) in value.as_object().into_iter().flatten() {
                    self.value(&wanted[name], property, &format!("{path}/{name}"));
                }
                true
            }
            "required" => {
                let names = wanted.as_array().into_iter().flatten().filter_map(Value::as_str);
                names.into_iter().all(|name| value.get(name).is_some())
            }
            "additionalProperties" => {
                let known = &schema["properties"];
                let names = value.as_object().into_iter().flatten().map(|(name, _)| name);
                wanted == &Value::Bool(false)
                    && names.into_iter().all(|name| known.get(name).is_some())
            }
            _ => false,
        }
    }

    /// How many of some schemas accept a value.
    fn accepting(&self, schemas: &Value, value: &Value) -> usize {
        let schemas = schemas.as_array().into_iter().flatten();
        let accepts = schemas.filter(|schema| {
            let mut check = SchemaCheck { root: self.root, faults: Vec::new() };
            check.value(schema, value, "");
            check.faults.is_empty()
        });
        accepts.count()
    }
}

fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::faults;

    #[test]
    fn faults_name_the_path_and_the_keyword() {
        let schema = json!({
            "type": "object",
            "properties": { "lines": { "type": "array", "items": { "type": "integer" } } },
            "required": ["lines"],
            "additionalProperties": false,
        });
        let table = [
            (json!({ "lines": [1, 2] }), None),
            (json!({ "lines": [1, "2"] }), Some("/lines/1: type \"integer\" refuses \"2\"")),
            (json!({}), Some(": required [\"lines\"] refuses {}")),
            (
                json!({ "lines": [], "x": 1 }),
                Some(": additionalProperties false refuses {\"lines\":[],\"x\":1}"),
            ),
        ];
        for (document, fault) in table {
            let expected: Vec<_> = fault.into_iter().map(str::to_owned).collect();
            assert_eq!(faults(&schema, &document), expected);
        }
        let unknown = json!({ "multipleOf": 2 });
        assert_eq!(faults(&unknown, &json!(4)), [": multipleOf 2 refuses 4"]);
    }
}
