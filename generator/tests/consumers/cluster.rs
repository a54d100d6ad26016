//! The consumers of what the cluster is given: the charts, Cloudflare's import, the API.

use std::io;
use std::path::Path;

use serde_json::Value;

use crate::consumer::{Broken, Consumer, Verdict, each, need};
use crate::namespace::outside;

/// The charts' own values and schemas, which are not ours to carry: beside the repository, or where
/// `MESHWRIGHT_SHARED_DATA` says.
macro_rules! chart {
    ($command:literal, $file:literal) => {
        concat!($command, r#" "${MESHWRIGHT_SHARED_DATA:-../../shared/data}"/"#, $file)
    };
}

/// All of them.
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
            Broken {
                name: "a_key_misspelt",
                path: "cluster/ingress-nginx/values.yaml",
                sound: "replicaCount:",
                unsound: "replicasCount:",
                reason: "the chart has no controller.replicasCount",
            },
            Broken {
                name: "a_key_in_the_wrong_place",
                path: "cluster/ingress-nginx/values.yaml",
                sound: "  service:\n    type: ClusterIP\n    enableHttp: true",
                unsound: "  service:\n    type: ClusterIP\n    replicaCount: 2",
                reason: "the chart has no controller.service.replicaCount",
            },
            Broken {
                name: "a_number_as_a_string",
                path: "cluster/ingress-nginx/values.yaml",
                sound: "minAvailable: 1",
                unsound: "minAvailable: one",
                reason: "controller.minAvailable is \"one\", the chart's own is 1",
            },
            Broken {
                name: "a_setting_that_is_no_string",
                path: "cluster/ingress-nginx/values.yaml",
                sound: "server-tokens: \"false\"",
                unsound: "server-tokens: false",
                reason: "controller.config.server-tokens is false, and no string",
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
        reads: |path| path == "cluster/traefik/values.yaml",
        judge: |files| each(files, traefik_values),
        broken: &[
            Broken {
                name: "a_key_misspelt",
                path: "cluster/traefik/values.yaml",
                sound: "controllerClass:",
                unsound: "controllerClas:",
                reason: "'controllerClas' was unexpected",
            },
            Broken {
                name: "a_key_misspelt_where_the_chart_is_lax",
                path: "cluster/traefik/values.yaml",
                sound: "checkNewVersion:",
                unsound: "checkNewVersions:",
                reason: "'checkNewVersions' was unexpected",
            },
            Broken {
                name: "a_word_as_a_number",
                path: "cluster/traefik/values.yaml",
                sound: "replicas: ",
                unsound: "replicas: a",
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
            Broken {
                name: "a_type_misspelt",
                path: "cluster/cloudflared/dns.zone",
                sound: "CNAME",
                unsound: "CNAM",
                reason: "unknown RR type 'CNAM'",
            },
            Broken {
                name: "an_empty_label",
                path: "cluster/cloudflared/dns.zone",
                sound: ".cfargotunnel",
                unsound: "..cfargotunnel",
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
            Broken {
                name: "a_field_misspelt",
                path: "cluster/cloudflared/cloudflared.yaml",
                sound: "runAsNonRoot",
                unsound: "runAsNonroot",
                reason: "'runAsNonroot' was unexpected",
            },
            Broken {
                name: "a_word_as_a_number",
                path: "cluster/cloudflared/cloudflared.yaml",
                sound: "containerPort: ",
                unsound: "containerPort: a",
                reason: "is not of type 'integer'",
            },
            Broken {
                name: "a_version_of_the_api_that_is_gone",
                path: "cluster/cloudflared/cloudflared.yaml",
                sound: "policy/v1",
                unsound: "policy/v1beta1",
                reason: "WARN",
            },
        ],
    },
];

/// Keys of the chart's values that its file has only as comments.
const COMMENTED: [&str; 2] = ["controller.image.registry", "fullnameOverride"];

/// Tables of the chart whose keys belong to others: Kubernetes, or the controller's own settings.
const FREE: [&str; 3] = ["controller.config", "controller.extraArgs", "controller.resources"];

fn ingress_nginx_values(file: &Path) -> io::Result<Verdict> {
    let chart = outside(chart!("cat", "ingress-nginx-4.15.1/values.yaml"), file)?;
    let chart = values(&String::from_utf8_lossy(&chart.stdout))?;
    let ours = values(&std::fs::read_to_string(file)?)?;
    let fault = foreign("", &ours, &chart).or_else(|| unquoted(&ours["controller"]["config"]));
    Ok(fault.map_or(Verdict::Accepted, Verdict::Refused))
}

fn values(text: &str) -> io::Result<Value> {
    serde_saphyr::from_str(text).map_err(io::Error::other)
}

/// The first of our keys that the chart does not have, or has for another kind of value.
fn foreign(at: &str, ours: &Value, chart: &Value) -> Option<String> {
    if COMMENTED.contains(&at) || FREE.contains(&at) {
        return None;
    }
    match (ours, chart) {
        (Value::Object(ours), Value::Object(chart)) => ours.iter().find_map(|(key, ours)| {
            let at = format!("{at}.{key}");
            let at = at.trim_start_matches('.');
            let chart = chart.get(key).or(COMMENTED.contains(&at).then_some(&Value::Null));
            match chart {
                Some(chart) => foreign(at, ours, chart),
                None => Some(format!("the chart has no {at}")),
            }
        }),
        _ if std::mem::discriminant(ours) == std::mem::discriminant(chart) => None,
        _ => Some(format!("{at} is {ours}, the chart's own is {chart}")),
    }
}

/// The first setting of the controller that is no string: the chart passes it on as it is, and a
/// ConfigMap takes none.
fn unquoted(config: &Value) -> Option<String> {
    let (key, value) = config.as_object()?.iter().find(|(_, value)| !value.is_string())?;
    Some(format!("controller.config.{key} is {value}, and no string"))
}

/// The chart's schema lets unknown keys through in some tables. Here none does but those whose keys
/// are Kubernetes'.
fn traefik_values(file: &Path) -> io::Result<Verdict> {
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
    outside(SCRIPT, file).map(Verdict::of)
}

/// The records as they would stand in a zone that holds them all.
fn named_checkzone(file: &Path) -> io::Result<Verdict> {
    const SCRIPT: &str = r#"
        zone() {
            echo '. 1 IN SOA ns.invalid. root.invalid. 1 1 1 1 1'
            echo '. 1 IN NS ns.invalid.'
            echo 'ns.invalid. 1 IN A 192.0.2.1'
            cat "$1"
        }
        named-checkzone . <(zone "$1")
    "#;
    outside(SCRIPT, file).map(Verdict::of)
}

/// Files of kinds that every API server has: Calico's have definitions of their own.
fn is_of_a_built_in_kind(path: &str) -> bool {
    const CALICO: [&str; 2] = ["bgp-password.rbac.yaml", "pod-annotations.policy.yaml"];
    match path.strip_prefix("cluster/").and_then(|path| path.split_once('/')) {
        Some(("calico", file)) => CALICO.contains(&file),
        Some((_, "values.yaml")) | None => false,
        Some((_, file)) => file.ends_with(".yaml") && !file.ends_with(".patch.yaml"),
    }
}

/// Of a kind or version that it does not know it only warns.
fn kubernetes_validate(file: &Path) -> io::Result<Verdict> {
    const SCRIPT: &str = r#"
        said=$(kubernetes-validate --strict -k 1.37 "$1" 2>&1) && ! grep WARN <<<"$said" && exit
        echo "$said"
        exit 1
    "#;
    outside(SCRIPT, file).map(Verdict::of)
}
