//! Refuses a value of a kubelet setting that is not of the type of its field.

use serde_json::Value;

use crate::check::{Findings, Rule, Scope, Theme};
use crate::diagnostic::{Finding, Severity};
use crate::topology::{KubeletSetting, Topology};
use meshwright_value::component::kubelet_fields;

pub(super) const RULE: Rule<Topology> = Rule {
    code: "kubelet-setting-type",
    severity: Severity::Error,
    theme: Theme::ControlPlane,
    summary: "a setting of kubelet has a value of another type",
    explain: "\
kubelet reads its configuration into types. A string where it expects a number (`imageGCHighThresholdPercent = \
\"75\"`), or a number where it expects a time (`syncFrequency = 60`), ends it at start: `failed to load kubelet config \
file`. systemd starts it again every ten seconds, and the node never joins.

Write a value of the type that the label names. Times are strings of Go: `\"1m30s\"`. Only the outermost value of a \
setting is compared; kubelet judges the parts of a table.

Source: `KubeletConfiguration` in k8s.io/kubelet, config/v1beta1/types.go, of Kubernetes 1.37.2.",
    scope: Scope::Present,
    check,
};

fn check(topology: &Topology, findings: &mut Findings) {
    for KubeletSetting { field, value, at } in topology.kubelet_settings() {
        let expected = kubelet_fields().find(|(known, _)| *known == field);
        let Some((_, expected)) = expected.filter(|(_, expected)| !is(expected, value)) else {
            continue;
        };
        let article = if matches!(expected, "array" | "integer") { "an" } else { "a" };
        let message = format!("kubelet's `{field}` takes {article} {expected}");
        findings.push(Finding::new(message, &at, format!("expected {article} {expected}")));
    }
}

fn is(expected: &str, value: &Value) -> bool {
    match expected {
        "array" => value.is_array(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64(),
        "number" => value.is_number(),
        "string" => value.is_string(),
        _ => value.is_object(),
    }
}
