//! The consumers of the cluster's files: the charts, Cloudflare's import, the API's schemas.

use std::io;
use std::path::Path;

use libtest_mimic::Failed;
use serde_json::Value;
use tempfile::TempDir;

use crate::consumer::{BrokenFile, Consumer, ConsumerVerdict, each, need};
use crate::expect::expect_code;
use crate::namespace::outside;
use crate::need::Need;
use meshwright_value::IngressController;
use meshwright_value::component::chart_values;

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
        reads: |path| path.ends_with(".zone"),
        judge: |files| each(files, named_checkzone),
        broken: &[
            BrokenFile {
                name: "a_misspelt_type",
                path: "cluster/cloudflared/example.com.zone",
                original: "CNAME",
                replacement: "CNAM",
                reason: "unknown RR type 'CNAM'",
            },
            BrokenFile {
                name: "an_empty_label",
                path: "cluster/cloudflared/example.com.zone",
                original: ".cfargotunnel",
                replacement: "..cfargotunnel",
                reason: "empty label",
            },
            BrokenFile {
                name: "a_name_of_another_zone",
                path: "cluster/cloudflared/example.com.zone",
                original: "hello.example.com.",
                replacement: "hello.example.org.",
                reason: "ignoring out-of-zone data",
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

pub(crate) const CHARTS: &[Need] = &[
    need(chart!("ls", "ingress-nginx-4.15.1/values.yaml"), "no chart of ingress-nginx"),
    need(chart!("ls", "traefik-41.3.0/values.schema.json"), "no chart of Traefik"),
];

/// Each value of a chart is known to `check`, and each value that it knows is one of the chart.
pub(crate) fn values_are_those_of_the_charts() -> Result<(), Failed> {
    let read = |command: &str| -> Result<Value, Failed> {
        let folder = TempDir::new_in(env!("CARGO_TARGET_TMPDIR"))?;
        let printed = expect_code(&outside(command, folder.path())?, 0)?;
        Ok(values(&printed)?)
    };
    let nginx = read(chart!("cat", "ingress-nginx-4.15.1/values.yaml"))?;
    let schema = read(chart!("cat", "traefik-41.3.0/values.schema.json"))?;
    let charts = [
        (IngressController::IngressNginx, paths(&nginx, &|table| table.as_object())),
        (IngressController::Traefik, paths(&schema, &|table| table["properties"].as_object())),
    ];
    for (controller, of_chart) in charts {
        let known: Vec<_> = chart_values(controller).collect();
        let is_free = |path: &str| {
            let tables = known.iter().filter_map(|known| known.strip_suffix(".*"));
            tables.into_iter().any(|table| path == table || path.starts_with(&format!("{table}.")))
        };
        let unknown: Vec<_> = of_chart
            .iter()
            .filter(|path| !known.contains(&path.as_str()) && !is_free(path))
            .collect();
        let is_of_chart = |path: &str| {
            let inside = format!("{path}.");
            of_chart.iter().any(|one| one == path || one.starts_with(&inside))
        };
        let foreign: Vec<_> = known
            .iter()
            .map(|path| path.strip_suffix(".*").unwrap_or(path))
            .filter(|path| !is_of_chart(path) && !COMMENTED_VALUES.contains(path))
            .collect();
        if !unknown.is_empty() || !foreign.is_empty() {
            return Err(format!("{controller}: unknown {unknown:?}, foreign {foreign:?}").into());
        }
    }
    Ok(())
}

/// Values of ingress-nginx that its `values.yaml` has in comments.
const COMMENTED_VALUES: [&str; 18] = [
    "controller.admissionWebhooks.patch.image.registry",
    "controller.admissionWebhooks.patch.image.repository",
    "controller.image.registry",
    "controller.image.repository",
    "controller.keda.fallback",
    "controller.maxUnavailable",
    "controller.service.allocateLoadBalancerNodePorts",
    "controller.service.healthCheckNodePort",
    "controller.service.internal.allocateLoadBalancerNodePorts",
    "controller.service.internal.healthCheckNodePort",
    "controller.startupProbe",
    "defaultBackend.image.registry",
    "defaultBackend.image.repository",
    "defaultBackend.maxUnavailable",
    "defaultBackend.service.clusterIP",
    "defaultBackend.service.loadBalancerIP",
    "fullnameOverride",
    "nameOverride",
];

/// The paths of all values that are not tables with keys.
fn paths<'chart>(
    chart: &'chart Value,
    keys: &dyn Fn(&'chart Value) -> Option<&'chart serde_json::Map<String, Value>>,
) -> Vec<String> {
    let Some(keys_here) = keys(chart).filter(|keys| !keys.is_empty()) else {
        return vec![String::new()];
    };
    let inner = keys_here.iter().flat_map(|(key, value)| {
        let below = paths(value, keys).into_iter();
        below.map(move |path| format!("{key}.{path}").trim_end_matches('.').to_owned())
    });
    inner.collect()
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

/// The records in the zone that the file is named after. That zone has no alias of its own name: Cloudflare answers
/// there with addresses.
fn named_checkzone(file: &Path) -> io::Result<ConsumerVerdict> {
    const SCRIPT: &str = r#"
        zone=$(basename "$1" .zone)
        records() {
            echo "$zone. 1 IN SOA ns.invalid. root.invalid. 1 1 1 1 1"
            echo "$zone. 1 IN NS ns.invalid."
            sed "s/^$zone\. /apex.$zone. /" "$1"
        }
        output=$(named-checkzone "$zone" <(records "$1") 2>&1) || { echo "$output"; exit 1; }
        echo "$output"
        [[ $output != *'ignoring out-of-zone data'* ]]
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
