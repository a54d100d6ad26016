//! The JSON Schema of a plan: `meshwright schema plan`.
//!
//! Draft 7, as the schema of the topology.

use serde_json::{Value, json};

use crate::plan::SCHEMA_VERSION;
use crate::step::StepAction;
use meshwright_value::json_schema::{count, list, object, optional_text, text, texts};

/// A plan, or an error that prevented it.
#[must_use]
pub fn document() -> Value {
    json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "Document of `meshwright plan --format json`",
        "oneOf": [{ "$ref": "#/definitions/plan" }, { "$ref": "#/definitions/failure" }],
        "definitions": {
            "plan": object(&json!({
                "schema_version": { "const": SCHEMA_VERSION },
                "refusals": list_of("refusal", "Values that a running cluster cannot change; with one, there are no steps"),
                "values": list_of("value", "The values that differ"),
                "reachability": list_of("reach", "The pairs of machines whose flows differ"),
                "exposure": list_of("exposure", "The nodes whose public sides differ"),
                "steps": list_of("step", "The steps, first to last"),
                "proven": {
                    "description": "What was proven about the states between; null if there are no such states",
                    "oneOf": [{ "$ref": "#/definitions/proven" }, { "type": "null" }],
                },
            })),
            "refusal": object(&json!({
                "code": text("The stable name"),
                "subject": {
                    "description": "The place in the topology",
                    "oneOf": [
                        object(&json!({
                            "kind": { "const": "single" },
                            "name": text("A table that is there once"),
                            "key": text("A key of it"),
                        })),
                        object(&json!({
                            "kind": { "const": "node" },
                            "name": text("The name of the node"),
                            "key": text("A key of [[nodes]]"),
                        })),
                    ],
                },
                "message": text("The values before and after"),
                "effect": text("What happens on the machines if it is delivered"),
                "help": text("The way that exists"),
            })),
            "value": object(&json!({
                "subject": text("`cluster`, `node NAME` or `client NAME`"),
                "value": text("The name of the value"),
                "before": optional_text("The value before; null if there was none"),
                "after": optional_text("The value after; null if there is none any more"),
            })),
            "reach": object(&json!({
                "from": text("The sender"),
                "to": text("The receiver"),
                "new": texts("The flows that arrive after the change only"),
                "gone": texts("The flows that arrive before the change only"),
            })),
            "exposure": object(&json!({
                "node": text("The node"),
                "opened": texts("The packets that it accepts after the change only"),
                "closed": texts("The packets that it accepts before the change only"),
            })),
            "step": object(&json!({
                "number": count("Its number, from 1"),
                "action": { "enum": StepAction::ALL },
                "machine": optional_text("The machine, if it concerns one"),
                "text": text("What happens"),
                "commands": texts("The commands, in their order"),
                "keep": { "type": "boolean", "description": "Whether the host keeps the delivery although fewer peers answer afterwards" },
                "by_hand": { "type": "boolean", "description": "Whether a person does something that no command does" },
                "together": {
                    "description": "Steps with the same number are done directly after one another",
                    "oneOf": [{ "type": "integer" }, { "type": "null" }],
                },
                "lost": list_of("lost", "The flows that are lost from this step on"),
                "cause": optional_text("The line that stops the first of them"),
            })),
            "lost": object(&json!({
                "from": text("The sender"),
                "to": text("The receiver"),
                "flows": texts("The flows"),
                "until": count("The step after which all of them hold again"),
            })),
            "proven": object(&json!({
                "states": count("The states of the steps, the first and the last one included"),
                "flows": count("The flows that hold before and after; each state was walked for all of them"),
                "walked": count("The states that were walked to find the order"),
                "is_best": { "type": "boolean", "description": "Whether every other order loses as many flows or more" },
            })),
            "failure": failure(),
        },
    })
}

fn failure() -> Value {
    object(&json!({
        "schema_version": { "const": 1 },
        "diagnostics": { "type": "array", "maxItems": 0 },
        "error": object(&json!({
            "message": text("The error"),
            "help": optional_text("What to do"),
        })),
    }))
}

/// An array of what is defined under a name.
fn list_of(definition: &str, about: &str) -> Value {
    list(&json!({ "$ref": format!("#/definitions/{definition}") }), about)
}
