//! The JSON Schema of the results: `meshwright schema test`. Draft 7, as the schema of the topology.

use serde_json::{Value, json};

use super::connection::TestedFlow;
use super::report::SCHEMA_VERSION;
use crate::report::schema::failure;
use meshwright_value::json_schema::{list, object, text};

/// The results, or an error that prevented the test.
#[must_use]
pub fn document() -> Value {
    json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "Document of `meshwright test --format json`",
        "oneOf": [{ "$ref": "#/definitions/test" }, { "$ref": "#/definitions/failure" }],
        "definitions": {
            "test": object(&json!({
                "schema_version": { "const": SCHEMA_VERSION },
                "cluster": text("The name of the cluster"),
                "passed": { "description": "Whether every connection was tried and had its result", "type": "boolean" },
                "results": list(&json!({ "$ref": "#/definitions/result" }), "The connections"),
                "untested": list(&object(&json!({
                    "what": text("What was not tested"),
                    "reason": text("Why"),
                })), "What was not tested"),
            })),
            "result": object(&json!({
                "flow": { "description": "The kind of connection", "enum": TestedFlow::ALL },
                "from": text("The node that called, or whose pod called; `here` for a public name"),
                "to": text("What was called"),
                "address": text("The called host and port"),
                "passed": { "description": "Whether what must happen has happened", "type": "boolean" },
                "seen": text("What was seen"),
            })),
            "failure": failure(),
        },
    })
}
