//! The JSON Schema of the documents of `prove` and `trace`: `meshwright schema prove`.
//!
//! Draft 7, as the schema of the topology.

use serde_json::{Value, json};

use super::json::SCHEMA_VERSION;
use meshwright_value::json_schema::object;

/// A proof, a trace, or an error that prevented both.
#[must_use]
pub fn documents() -> Value {
    json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "Documents of `meshwright prove --format json` and `meshwright trace --format json`",
        "oneOf": [
            { "$ref": "#/definitions/proof" },
            { "$ref": "#/definitions/trace" },
            { "$ref": "#/definitions/failure" },
        ],
        "definitions": {
            "proof": proof(),
            "summary": described(
                "Null if a file is missing or not understood: no packet was walked",
                nullable(&summary()),
            ),
            "cause": cause(),
            "countedCause": counted_cause(),
            "assumption": assumption(),
            "publicSide": public_side(),
            "count": flow_count(),
            "request": request(),
            "flow": object(&flow()),
            "hop": hop(),
            "trace": trace(),
            "failureEffect": failure_effect(),
            "failure": failure(),
        },
    })
}

fn proof() -> Value {
    let list = |of: &str, about: &str| described(about, array(&reference(of)));
    let mut proof = object(&json!({
        "schema_version": { "const": SCHEMA_VERSION },
        "holds": described("Whether nothing is wrong: no cause, and all files were read", boolean()),
        "summary": reference("summary"),
        "causes": list("countedCause", "All causes; those of the most failing flows first"),
        "assumptions": list("assumption", "Properties that no file shows and that the proof relies on"),
        "unjudged": list("assumption", "What a user has added, and whose effect on the flows is not known"),
        "exposure": list("publicSide", "The packets that each public side accepts, besides answers"),
        "counts": list("count", "Each kind of flow that the tree has"),
        "requests": list("request", "Each public name"),
        "flows": list("flow", "The flows that fail, with their steps; with --all, all flows"),
        "flows_omitted": described("Failing flows that `flows` does not contain", count()),
        "edited": described("Files whose bytes differ from the manifest", array(&text())),
    }));
    proof["properties"]["failures"] =
        list("failureEffect", "With --failures: what each single failure changes");
    proof
}

fn failure_effect() -> Value {
    let fails = object(&json!({ "kind": one_of(&super::failure::KINDS), "name": text() }));
    let node_pairs = object(&json!({ "lost": count(), "all": count() }));
    let flows = described("Names of flows that hold now and are lost", array(&text()));
    let lost = object(&json!({ "from": text(), "to": text(), "flows": flows }));
    let network = object(&json!({
        "network": text(),
        "machines": described("Those that reach it now, themselves or from their pods", array(&text())),
    }));
    let api = object(&json!({
        "answers": described("Whether enough members of etcd reach each other", boolean()),
        "cut_off": described("Nodes that reach no API server, although one answers", array(&text())),
        "misdirected": described(
            "Clients whose kubeconfig calls the API server of the init node, which does not answer them",
            array(&text()),
        ),
    }));
    let name = object(&json!({
        "hostname": text(),
        "gone": described("Programs on its path of which all pods can have run there", array(&text())),
        "between_lost_pairs": described(
            "Whether requests fail that pass pods on both nodes of a lost pair",
            boolean(),
        ),
    }));
    object(&json!({
        "fails": described(
            "A node or a client that is off, the local network of a site, or its connection to the Internet",
            fails,
        ),
        "node_pairs": described("Ordered pairs of nodes that lose flows", node_pairs),
        "lost": described("Flows between the other machines", array(&lost)),
        "networks": described("Networks to which only the machine forwards that is off", array(&network)),
        "api": api,
        "strands_pods": described("Whether no other node starts the pods of this node", boolean()),
        "names": described("Public names that can fail", array(&name)),
    }))
}

fn summary() -> Value {
    object(&json!({
        "nodes": count(),
        "clients": count(),
        "pairs": described("Ordered pairs of different nodes", count()),
        "flows": count(),
        "proven": count(),
        "failed": count(),
    }))
}

fn place() -> Value {
    json!({
        "file": described("The path below the output directory", text()),
        "line": described("From 1; 0 is the file as a whole", count()),
    })
}

fn cause_properties() -> Value {
    let code = json!({ "type": "string", "pattern": "^[a-z0-9]+(-[a-z0-9]+)*$" });
    with(place(), &json!({ "code": code, "message": text() }))
}

fn cause() -> Value {
    object(&cause_properties())
}

fn counted_cause() -> Value {
    let failed = described("How many flows between machines fail because of it", count());
    object(&with(cause_properties(), &json!({ "failed": failed })))
}

fn assumption() -> Value {
    object(&with(place(), &json!({ "text": text() })))
}

fn public_side() -> Value {
    let accepted = object(&json!({ "packets": text(), "line": nullable(&count()) }));
    object(&json!({ "node": text(), "file": text(), "accepts": array(&accepted) }))
}

fn flow_count() -> Value {
    object(&json!({ "flow": text(), "about": text(), "proven": count(), "failed": count() }))
}

fn request() -> Value {
    object(&json!({ "hostname": text(), "holds": boolean(), "end": nullable(&text()) }))
}

fn flow() -> Value {
    json!({
        "from": text(),
        "to": text(),
        "flow": text(),
        "verdict": described(
            "The verdict on the probe that decides: `blocked` by a firewall, or `lost` otherwise",
            one_of(&["delivered", "blocked", "lost"]),
        ),
        "expected": one_of(&["delivered", "blocked"]),
        "hops": array(&reference("hop")),
        "cause": nullable(&reference("cause")),
    })
}

fn hop() -> Value {
    object(&json!({
        "node": text(),
        "what": text(),
        "file": nullable(&text()),
        "line": nullable(&count()),
    }))
}

fn trace() -> Value {
    let own = json!({ "schema_version": { "const": SCHEMA_VERSION }, "holds": boolean() });
    object(&with(flow(), &own))
}

/// The document of a run that ends with exit code 2.
fn failure() -> Value {
    let error = object(&json!({ "message": text(), "help": nullable(&text()) }));
    let mut failure = object(&json!({
        "schema_version": { "const": 1 },
        "diagnostics": { "type": "array", "maxItems": 0 },
        "holds": { "const": false },
        "error": error,
    }));
    failure["required"] = json!(["schema_version", "diagnostics", "error"]);
    failure
}

fn with(mut properties: Value, more: &Value) -> Value {
    for (name, property) in more.as_object().into_iter().flatten() {
        properties[name] = property.clone();
    }
    properties
}

fn described(about: &str, mut schema: Value) -> Value {
    schema["description"] = json!(about);
    schema
}

fn reference(definition: &str) -> Value {
    json!({ "$ref": format!("#/definitions/{definition}") })
}

fn nullable(schema: &Value) -> Value {
    json!({ "anyOf": [schema, { "type": "null" }] })
}

fn array(items: &Value) -> Value {
    json!({ "type": "array", "items": items })
}

fn one_of(words: &[&str]) -> Value {
    json!({ "enum": words })
}

fn text() -> Value {
    json!({ "type": "string" })
}

fn boolean() -> Value {
    json!({ "type": "boolean" })
}

fn count() -> Value {
    json!({ "type": "integer", "minimum": 0 })
}
