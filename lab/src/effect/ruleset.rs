//! Rulesets as `nft --json` lists them (libnftables-json(5)), without what no packet notices.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

/// The chains with their rules. Names of base chains, sets by name, counters, logs, comments, rules that no
/// packet matches, chains that no packet enters, and a rule that repeats the one before are gone.
pub(super) fn normal_form(mut objects: Vec<Value>) -> Vec<Value> {
    let sets = elements_of_sets(&objects);
    for object in &mut objects {
        keep_effects(object, &sets);
    }
    objects.retain(|object| object.get("set").is_none() && !is_without_effect(object));
    objects.dedup();
    loop {
        let entered = entered_chains(&objects);
        let before = objects.len();
        objects.retain(|object| {
            let chain = chain_of(object);
            chain.is_none_or(|chain| entered.contains(&chain))
        });
        if objects.len() == before {
            return with_hooks_as_names(objects);
        }
    }
}

/// The elements of each named set, sorted.
fn elements_of_sets(objects: &[Value]) -> BTreeMap<String, Value> {
    let sets = objects.iter().filter_map(|object| object.get("set"));
    let elements = sets.filter_map(|set| {
        let name = set.get("name")?.as_str()?;
        let mut elements = set.get("elem").cloned().unwrap_or_else(|| Value::Array(Vec::new()));
        if let Some(elements) = elements.as_array_mut() {
            elements.sort_by_cached_key(Value::to_string);
        }
        Some((format!("@{name}"), elements))
    });
    elements.collect()
}

/// Removes handles, comments, counters and logs, and puts elements in the place of sets.
fn keep_effects(value: &mut Value, sets: &BTreeMap<String, Value>) {
    match value {
        Value::String(name) => {
            if let Some(elements) = sets.get(name) {
                *value = serde_json::json!({ "set": elements });
            }
        }
        Value::Array(values) => values.iter_mut().for_each(|one| keep_effects(one, sets)),
        Value::Object(members) => {
            for key in ["handle", "comment", "metainfo"] {
                members.remove(key);
            }
            for (key, member) in members {
                match member {
                    Value::Array(statements) if key == "expr" => {
                        let is_seen = |one: &Value| one.get("counter").or(one.get("log")).is_none();
                        statements.retain(is_seen);
                    }
                    Value::Array(elements) if key == "set" => {
                        elements.sort_by_cached_key(Value::to_string);
                    }
                    _ => {}
                }
                // The definition of a set contains its own name, which is not a reference.
                if key != "name" && key != "chain" {
                    keep_effects(member, sets);
                }
            }
        }
        _ => {}
    }
}

/// A rule without statements, or one that asks for an element of an empty set.
fn is_without_effect(object: &Value) -> bool {
    let Some(statements) = object.pointer("/rule/expr").and_then(Value::as_array) else {
        return object.get("metainfo").is_some()
            || object.as_object().is_some_and(|all| all.is_empty());
    };
    let asks_nothing = |statement: &Value| {
        let is_equality = statement.pointer("/match/op").is_some_and(|op| op == "==" || op == "in");
        let elements = statement.pointer("/match/right/set").and_then(Value::as_array);
        is_equality && elements.is_some_and(Vec::is_empty)
    };
    statements.is_empty() || statements.iter().any(asks_nothing)
}

/// The chain of a rule, or a chain's own name.
fn chain_of(object: &Value) -> Option<String> {
    let name = object.pointer("/rule/chain").or_else(|| object.pointer("/chain/name"));
    name.and_then(Value::as_str).map(str::to_owned)
}

/// Base chains, and the targets of jumps.
fn entered_chains(objects: &[Value]) -> BTreeSet<String> {
    let is_base = |object: &&Value| object.pointer("/chain/hook").is_some();
    let base = objects.iter().filter(is_base).filter_map(chain_of);
    let statements =
        objects.iter().filter_map(|object| object.pointer("/rule/expr")?.as_array()).flatten();
    let targets = statements.filter_map(|statement| {
        let jump = statement.get("jump").or(statement.get("goto"))?;
        jump.get("target")?.as_str().map(str::to_owned)
    });
    base.chain(targets).collect()
}

/// A base chain is entered by its hook, whatever its name is.
fn with_hooks_as_names(mut objects: Vec<Value>) -> Vec<Value> {
    let hooks: BTreeMap<_, _> = objects
        .iter()
        .filter_map(|object| {
            let chain = object.get("chain").filter(|chain| chain.get("hook").is_some())?;
            let name = format!("{} at {}", chain.get("hook")?, chain.get("prio")?);
            Some((chain_of(object)?, name))
        })
        .collect();
    for object in &mut objects {
        for place in ["/rule/chain", "/chain/name"] {
            let Some(name) = object.pointer_mut(place) else { continue };
            if let Some(hook) = name.as_str().and_then(|name| hooks.get(name)) {
                *name = Value::String(hook.clone());
            }
        }
    }
    objects
}
