//! The JSON Schema of reports: `meshwright schema check`.
//!
//! Draft 7, as the schema of the topology.

use serde_json::{Value, json};

use super::json::SCHEMA_VERSION;
use meshwright_value::json_schema::{count, list, object, optional, optional_text, text, texts};

/// A report, with the changes of the output directory if `generate` prints it, or an error without a report.
#[must_use]
pub fn documents() -> Value {
    json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "Documents of `meshwright check --format json` and `meshwright generate --format json`",
        "oneOf": [
            { "$ref": "#/definitions/report" },
            { "$ref": "#/definitions/generated" },
            { "$ref": "#/definitions/failure" },
        ],
        "definitions": {
            "report": object(&json!({
                "schema_version": { "const": SCHEMA_VERSION },
                "diagnostics": diagnostics(),
            })),
            "generated": object(&json!({
                "schema_version": { "const": SCHEMA_VERSION },
                "diagnostics": diagnostics(),
                "changes": changes(),
            })),
            "failure": object(&json!({
                "schema_version": { "const": SCHEMA_VERSION },
                "diagnostics": { "type": "array", "maxItems": 0 },
                "error": object(&json!({
                    "message": text("The error"),
                    "help": optional_text("What to do"),
                })),
            })),
            "diagnostic": object(&json!({
                "code": text("Its code, which `meshwright explain` explains"),
                "severity": { "enum": ["error", "warning"] },
                "message": text("The fault"),
                "help": optional_text("What to do"),
                "change": optional(&json!({ "$ref": "#/definitions/change" }), "The correction that `check --fix` makes"),
                "spans": list(&json!({ "$ref": "#/definitions/span" }), "Each place that takes part, first that of the fault"),
            })),
            "change": object(&json!({
                "action": { "enum": ["replace", "insert", "remove", "replace-text"] },
                "key": text("The key, such as `nodes[1].id`; empty for replace-text"),
                "value": optional_text("The new value, as TOML"),
            })),
            "span": object(&json!({
                "file": text("The file"),
                "line": count("The line, from 1; 0 for the file as a whole"),
                "column": count("The column, from 1, in characters"),
                "end_line": count("The line on which it ends"),
                "end_column": count("The column after its last character"),
                "label": text("The text at this place"),
                "primary": { "type": "boolean", "description": "Whether this is the place of the fault" },
            })),
        },
    })
}

fn diagnostics() -> Value {
    list(&json!({ "$ref": "#/definitions/diagnostic" }), "The findings, in the order of the file")
}

fn changes() -> Value {
    object(&json!({
        "added": texts("The new files, below the output directory"),
        "changed": texts("The files with other bytes"),
        "removed": texts("The files that the topology does not generate"),
        "blocked": list(&object(&json!({
            "path": text("A file that is not replaced"),
            "reason": text("The reason"),
        })), "The files that prevent a write"),
        "unchanged": count("The number of all other files"),
    }))
}
