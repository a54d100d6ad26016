//! The consumers of the cluster's files: the charts, Cloudflare's import, the API's schemas.

use std::io;
use std::path::Path;

use serde_json::Value;

use crate::consumer::{BrokenFile, Consumer, ConsumerVerdict, each, need};
use crate::namespace::outside;

/// A command on a file of a chart. The charts are not part of this repository: they are in a folder beside it, or
/// in that of `MESHWRIGHT_SHARED_DATA`.
macro_rules! chart {
    ($command:literal, $file:literal) => {
        concat!($command, r#" "${MESHWRIGHT_SHARED_DATA:-../../shared/data}"/"#, $file)
    };
}

/// All consumers of the cluster's files.
pub(crate) const CONSUMERS: &[Consumer] = &[
    Consumer {
        name: "ingress_nginx_values",
        tier: "charts",
        needs: &[need(
            chart!("ls", "ingress-nginx-4.15.1/values.yaml"),
            "no chart of ingress-nginx",
        )],
        reads: |path| path == "cluster/ingress-nginx/values.yaml",
        judge: |files| each(files, ingress_nginx_values),
        broken: &[
            BrokenFile {
                name: "a_misspelt_key",
                path: "cluster/ingress-nginx/values.yaml",
                original: "replicaCount:",
                replacement: "replicasCount:",
                reason: "the chart has no controller.replicasCount",
            },
            BrokenFile {
                name: "a_key_in_the_wrong_place",
                path: "cluster/ingress-nginx/values.yaml",
                original: "  service:\n    type: ClusterIP\n    enableHttp: true",
                replacement: "  service:\n    type: ClusterIP\n    replicaCount: 2",
                reason: "the chart has no controller.service.replicaCount",
            },
            BrokenFile {
                name: "a_number_as_a_string",
                path: "cluster/ingress-nginx/values.yaml",
                original: "minAvailable: 1",
                replacement: "minAvailable: one",
                reason: "controller.minAvailable is \"one\", the chart's own is 1",
            },
            BrokenFile {
                name: "a_setting_that_is_not_a_string",
                path: "cluster/ingress-nginx/values.yaml",
                original: "server-tokens: \"false\"",
                replacement: "server-tokens: false",
                reason: "controller.config.server-tokens is false, not a string",
            },
        ],
    },
    Consumer {
        name: "traefik_values",
        tier: "charts",
        needs: &[
            need(chart!("ls", "traefik-41.3.0/values.schema.json"), "no chart of Traefik"),
            need("python3 -c 'import jsonschema, yaml'", "no jsonschema for Python"),
        ],
        reads: |path| {
            ["cluster/traefik/values.yaml", "cluster/own/ingress/values.yaml"].contains(&path)
        },
        judge: |files| each(files, traefik_values),
        broken: &[
            BrokenFile {
                name: "a_misspelt_key",
                path: "cluster/traefik/values.yaml",
                original: "controllerClass:",
                replacement: "controllerClas:",
                reason: "'controllerClas' was unexpected",
            },
            BrokenFile {
                name: "a_misspelt_key_that_the_chart_accepts",
                path: "cluster/traefik/values.yaml",
                original: "checkNewVersion:",
                replacement: "checkNewVersions:",
                reason: "'checkNewVersions' was unexpected",
            },
            BrokenFile {
                name: "a_word_as_a_number",
                path: "cluster/traefik/values.yaml",
                original: "replicas: ",
                replacement: "replicas: a",
                reason: "is not of type 'integer'",
            },
        ],
    },
    Consumer {
        name: "named_checkzone",
        tier: "consumers",
        needs: &[need("type named-checkzone", "no named-checkzone")],
        reads: |path| path.ends_with("/dns.zone"),
        judge: |files| each(files, named_checkzone),
        broken: &[
            BrokenFile {
                name: "a_misspelt_type",
                path: "cluster/cloudflared/dns.zone",
                original: "CNAME",
                replacement: "CNAM",
                reason: "unknown RR type 'CNAM'",
            },
            BrokenFile {
                name: "an_empty_label",
                path: "cluster/cloudflared/dns.zone",
                original: ".cfargotunnel",
                replacement: "..cfargotunnel",
                reason: "empty label",
            },
        ],
    },
    Consumer {
        name: "kubernetes_validate",
        tier: "judges",
        needs: &[need(
            "type kubernetes-validate",
            "no judges: generator/tests/consumers/judges/install",
        )],
        reads: is_of_a_built_in_kind,
        judge: |files| each(files, kubernetes_validate),
        broken: &[
            BrokenFile {
                name: "a_misspelt_field",
                path: "cluster/cloudflared/cloudflared.yaml",
                original: "runAsNonRoot",
                replacement: "runAsNonroot",
                reason: "'runAsNonroot' was unexpected",
            },
            BrokenFile {
                name: "a_word_as_a_number",
                path: "cluster/cloudflared/cloudflared.yaml",
                original: "containerPort: ",
                replacement: "containerPort: a",
                reason: "is not of type 'integer'",
            },
            BrokenFile {
                name: "a_removed_api_version",
                path: "cluster/cloudflared/cloudflared.yaml",
                original: "policy/v1",
                replacement: "policy/v1beta1",
                reason: "WARN",
            },
        ],
    },
];

/// Keys that the chart's values contain only as comments.
const COMMENTED: [&str; 2] = ["controller.image.registry", "fullnameOverride"];

/// Tables whose keys the chart does not define: those of Kubernetes and of the controller.
const FREE: [&str; 3] = ["controller.config", "controller.extraArgs", "controller.resources"];

fn ingress_nginx_values(file: &Path) -> io::Result<ConsumerVerdict> {
    let printed = outside(chart!("cat", "ingress-nginx-4.15.1/values.yaml"), file)?;
    let chart = values(&String::from_utf8_lossy(&printed.stdout))?;
    let ours = values(&std::fs::read_to_string(file)?)?;
    let fault = foreign("", &ours, &chart).or_else(|| unquoted(&ours["controller"]["config"]));
    Ok(fault.map_or(ConsumerVerdict::Accepted, ConsumerVerdict::Refused))
}

fn values(text: &str) -> io::Result<Value> {
    serde_saphyr::from_str(text).map_err(io::Error::other)
}

/// The first of our keys that the chart does not have, or has with another type.
fn foreign(at: &str, ours: &Value, chart: &Value) -> Option<String> {
    if COMMENTED.contains(&at) || FREE.contains(&at) {
        return None;
    }
    match (ours, chart) {
        (Value::Object(ours), Value::Object(chart)) => ours.iter().find_map(|(key, ours)| {
            let path = format!("{at}.{key}");
            let inner = path.trim_start_matches('.');
            let expected = chart.get(key).or(COMMENTED.contains(&inner).then_some(&Value::Null));
            match expected {
                Some(expected) => foreign(inner, ours, expected),
                None => Some(format!("the chart has no {inner}")),
            }
        }),
        _ if std::mem::discriminant(ours) == std::mem::discriminant(chart) => None,
        _ => Some(format!("{at} is {ours}, the chart's own is {chart}")),
    }
}

/// The first setting of the controller that is not a string: the chart copies it to a ConfigMap, which accepts
/// strings only.
fn unquoted(config: &Value) -> Option<String> {
    let (key, value) = config.as_object()?.iter().find(|(_, value)| !value.is_string())?;
    Some(format!("controller.config.{key} is {value}, not a string"))
}

/// The chart's schema accepts unknown keys in some tables. Here only tables with keys of Kubernetes do.
fn traefik_values(file: &Path) -> io::Result<ConsumerVerdict> {
    const SCRIPT: &str = concat!(
        r#"python3 -c '
import json, jsonschema, sys, yaml
schema = json.load(sys.stdin)
def close(part):
    if isinstance(part, dict):
        if "properties" in part:
            part.setdefault("additionalProperties", False)
        for inner in part.values():
            close(inner)
close(schema)
schema["properties"]["service"]["properties"]["spec"] = {"type": "object"}
values = yaml.safe_load(open(sys.argv[1], encoding="utf-8"))
faults = [f"{list(fault.path)}: {fault.message}" for fault in jsonschema.Draft7Validator(schema).iter_errors(values)]
sys.exit("\n".join(faults) or 0)
' "$1" <"#,
        chart!("", "traefik-41.3.0/values.schema.json")
    );
    outside(SCRIPT, file).map(ConsumerVerdict::from_output)
}

/// The records in a zone that contains them all.
fn named_checkzone(file: &Path) -> io::Result<ConsumerVerdict> {
    const SCRIPT: &str = r#"
        zone() {
            echo '. 1 IN SOA ns.invalid. root.invalid. 1 1 1 1 1'
            echo '. 1 IN NS ns.invalid.'
            echo 'ns.invalid. 1 IN A 192.0.2.1'
            cat "$1"
        }
        named-checkzone . <(zone "$1")
    "#;
    outside(SCRIPT, file).map(ConsumerVerdict::from_output)
}

/// Whether a file contains kinds that are built into the API server, and not Calico's custom resources.
fn is_of_a_built_in_kind(path: &str) -> bool {
    const CALICO: [&str; 2] = ["bgp-password.rbac.yaml", "pod-annotations.policy.yaml"];
    match path.strip_prefix("cluster/").and_then(|path| path.split_once('/')) {
        Some(("calico", file)) => CALICO.contains(&file),
        None => false,
        Some((_, file)) => {
            let name = file.rsplit('/').next().unwrap_or(file);
            name.ends_with(".yaml") && !name.ends_with(".patch.yaml") && name != "values.yaml"
        }
    }
}

/// It only warns of a kind or version that it does not know.
fn kubernetes_validate(file: &Path) -> io::Result<ConsumerVerdict> {
    const SCRIPT: &str = r#"
        output=$(kubernetes-validate --strict -k 1.37 "$1" 2>&1) && ! grep WARN <<<"$output" && exit
        echo "$output"
        exit 1
    "#;
    outside(SCRIPT, file).map(ConsumerVerdict::from_output)
}
