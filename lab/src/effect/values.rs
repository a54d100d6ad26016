//! Files whose values decide, whatever their order, quotes and comments.

use std::collections::BTreeSet;

use serde_json::Value;

use super::Effect;

/// Documents of YAML, also those inside strings of several lines, as in a `ConfigMap`.
pub(super) fn yaml(before: &str, after: &str) -> Effect {
    match (read_yaml(before), read_yaml(after)) {
        (Ok(before), Ok(after)) => Effect::from_equality(before == after),
        (_, Err(output)) => Effect::Refused { program: "YAML", output },
        (Err(_), Ok(_)) => Effect::Open,
    }
}

fn read_yaml(text: &str) -> Result<Vec<Value>, String> {
    let strict = serde_saphyr::options! { strict_booleans: true };
    let documents: Vec<Value> = serde_saphyr::from_multiple_with_options(text, strict)
        .map_err(|error| error.to_string())?;
    Ok(documents.into_iter().filter(|one| !one.is_null()).map(with_inner_documents).collect())
}

/// A value in which strings of several lines are read as YAML.
fn with_inner_documents(value: Value) -> Value {
    match value {
        Value::String(text) if text.contains('\n') => {
            let inner = serde_saphyr::from_str::<Value>(&text);
            inner.map_or(Value::String(text), with_inner_documents)
        }
        Value::Array(values) => values.into_iter().map(with_inner_documents).collect(),
        Value::Object(members) => {
            let members =
                members.into_iter().map(|(key, value)| (key, with_inner_documents(value)));
            Value::Object(members.collect())
        }
        other => other,
    }
}

/// One document of JSON.
pub(super) fn json(before: &str, after: &str) -> Effect {
    let read = |text: &str| serde_json::from_str::<Value>(text);
    match (read(before), read(after)) {
        (Ok(before), Ok(after)) => Effect::from_equality(before == after),
        (_, Err(error)) => Effect::Refused { program: "JSON", output: error.to_string() },
        (Err(_), Ok(_)) => Effect::Open,
    }
}

/// Lines without comments, in order.
pub(super) fn lines(before: &str, after: &str) -> Effect {
    Effect::from_equality(statements(before).eq(statements(after)))
}

/// Lines without comments, in any order, with any spaces between words: hosts(5), and lists of
/// peers.
pub(super) fn words(before: &str, after: &str) -> Effect {
    let read = |text: &str| {
        let lines = text.lines().map(|line| line.split('#').next().unwrap_or_default());
        let words =
            lines.map(|line| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>());
        words.filter(|words| !words.is_empty()).collect::<BTreeSet<_>>()
    };
    Effect::from_equality(read(before) == read(after))
}

/// The lines of a text that are neither empty nor comments, without spaces around them.
pub(super) fn statements(text: &str) -> impl Iterator<Item = &str> {
    let lines = text.lines().map(str::trim);
    lines.filter(|line| !line.is_empty() && !line.starts_with('#') && !line.starts_with(';'))
}
