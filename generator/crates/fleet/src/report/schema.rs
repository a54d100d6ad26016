//! The JSON Schema of a survey: `meshwright schema status`.
//!
//! Draft 7, as the schema of the topology.

use serde_json::{Value, json};

use super::SCHEMA_VERSION;
use meshwright_value::json_schema::{list, object, optional, optional_text, text, texts};

/// A survey, or an error that prevented it.
#[must_use]
pub fn document() -> Value {
    json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "Document of `meshwright status --format json`",
        "oneOf": [{ "$ref": "#/definitions/survey" }, { "$ref": "#/definitions/failure" }],
        "definitions": {
            "survey": object(&json!({
                "schema_version": { "const": SCHEMA_VERSION },
                "cluster": text("The name of the cluster"),
                "is_in_order": { "description": "Whether no machine needs anything", "type": "boolean" },
                "machines": list(&json!({ "$ref": "#/definitions/machine" }), "The machines, in the order of the topology"),
            })),
            "machine": object(&json!({
                "name": text("The name of the node"),
                "unreachable": optional_text("Why it could not be inspected"),
                "delivered": optional(&json!({ "$ref": "#/definitions/delivered" }), "What it has; null if it was not inspected"),
                "inspection": optional(&json!({ "$ref": "#/definitions/inspection" }), "Its own records"),
                "next": texts("What to do, the first one first"),
            })),
            "delivered": {
                "type": "object",
                "required": ["state"],
                "properties": {
                    "state": { "enum": ["nothing", "current", "public-part-is-current", "other-secret", "revision", "unknown"] },
                    "revision": text("The revision of git whose files it has"),
                    "revisions": texts("Of other-secret: the revisions of git with the same public files, newest first"),
                    "differing": texts("The public files that differ from the output directory, as paths on the machine without the first slash"),
                },
                "additionalProperties": false,
            },
            "inspection": object(&json!({
                "node": optional_text("The node that it is, by its files"),
                "cluster": optional_text("The cluster of its files"),
                "preparation": {
                    "type": "object",
                    "required": ["state"],
                    "properties": {
                        "state": { "enum": ["done", "running", "stopped"] },
                        "reason": text("What it waits for, or why it stopped"),
                    },
                    "additionalProperties": false,
                },
                "delivery": optional(&json!({ "$ref": "#/definitions/delivery" }), "Its last delivery"),
                "differences": list(&object(&json!({
                    "area": { "enum": ["firewall", "guards", "routes", "peers", "parameters", "units", "enablement", "networks"] },
                    "text": text("The difference"),
                })), "What runs and is not in the files, or the other way round"),
                "rules": list(&object(&json!({
                    "is_additional": { "description": "Whether the kernel has it and the file does not", "type": "boolean" },
                    "line": text("The line, in the words of nft(8)"),
                })), "The rules of the firewall that differ"),
                "foreign_rules": list(&object(&json!({
                    "drops_all": { "description": "Whether they drop what Meshwright accepts", "type": "boolean" },
                    "chains": text("Their chains"),
                })), "Rules of other programs that drop packets"),
                "peers": list(&object(&json!({
                    "is_node": { "description": "Whether it is a node; otherwise a client", "type": "boolean" },
                    "name": text("Its name"),
                    "handshake_age": optional(&json!({ "type": "integer" }), "The age of the last handshake, in seconds; null if there was none"),
                })), "The peers of its interface"),
                "relays": list(&object(&json!({
                    "node": text("The node"),
                    "relay": text("The relay"),
                    "position": { "description": "The position of the relay in the order, from 1", "type": "integer" },
                    "all": { "description": "How many relays this pair has", "type": "integer" },
                })), "The nodes that it reaches through another relay than the first one"),
                "kubelet": optional_text("The state of kubelet's unit"),
                "membership": optional(&json!({
                    "type": "object",
                    "required": ["state"],
                    "properties": {
                        "state": { "enum": ["outside", "applying", "waiting", "joined"] },
                        "reason": text("What it waits for, or the state of the unit that joins it"),
                    },
                    "additionalProperties": false,
                }), "Whether it is in the cluster"),
                "ready": optional_text("Whether its node object is Ready: True, False, Unknown, or unanswered"),
                "bgp": optional(&object(&json!({ "established": { "type": "integer" }, "all": { "type": "integer" } })), "Its BGP sessions"),
                "versions": list(&object(&json!({
                    "package": text("The package"),
                    "installed": text("The version that is installed"),
                    "required": text("The version that the files require"),
                })), "Its packages"),
                "clock": optional(&object(&json!({
                    "is_synchronised": { "type": "boolean" },
                    "now": { "description": "Its time, in seconds since 1970", "type": "integer" },
                })), "Its clock"),
                "disk_mib": optional(&json!({ "type": "integer" }), "The free space of /var/lib, in MiB"),
                "certificates": list(&object(&json!({
                    "path": text("The file"),
                    "end": optional(&json!({ "type": "integer" }), "Its end, in seconds since 1970; null if it cannot be read"),
                })), "Its certificates"),
                "backup": optional(&object(&json!({
                    "newest": optional(&json!({ "type": "integer" }), "The time of the newest verified one, in seconds since 1970; null if there is none"),
                    "snapshots": { "description": "How many are kept", "type": "integer" },
                    "failure": optional_text("Why the last attempt has failed; null if it has not"),
                })), "Its snapshots of etcd; null if it is not a control plane of the cluster"),
            })),
            "delivery": object(&json!({
                "condition": { "enum": ["whole", "unconfirmed", "interrupted"] },
                "exported": optional(&json!({ "type": "integer" }), "The time of the export, in seconds since 1970"),
                "digest": text("The digest of all delivered files"),
                "changed": texts("The files that were changed since"),
            })),
            "failure": failure(),
        },
    })
}

/// The document of a run that failed.
pub(crate) fn failure() -> Value {
    json!({
        "type": "object",
        "required": ["error"],
        "properties": {
            "error": object(&json!({
                "message": text("What failed"),
                "help": optional_text("What to do"),
            })),
        },
    })
}
