//! Refuses a label that kubelet may not set, or that Meshwright or kubelet sets itself.

use crate::check::{Findings, Rule, Scope, Theme};
use crate::derive::label::ROUTE_REFLECTOR_LABEL;
use crate::diagnostic::{Finding, Fix, LabelPlace, Severity};
use crate::topology::{Node, Topology};
use meshwright_value::{LabelKey, LabelValue};

pub(super) const RULE: Rule<Topology> = Rule {
    code: "label-refused",
    severity: Severity::Error,
    theme: Theme::Hosts,
    summary: "a label of a node is not allowed",
    explain: "\
kubelet sets `labels` when it registers its node. In the namespaces `kubernetes.io` and `k8s.io` it may \
set only a few keys, so that a stolen node cannot declare itself a control plane. With another key, \
such as `node-role.kubernetes.io/…`, kubelet exits at start (`unknown 'kubernetes.io' or 'k8s.io' \
labels specified with --node-labels`), and the node never joins. Allowed are zone and region, `os`, \
`arch`, the instance type, and all keys in `node.kubernetes.io` and `kubelet.kubernetes.io`.

Two keys are reserved: Calico's pools find their nodes by `kubernetes.io/hostname`, and \
`calico.route_reflectors` sets `route-reflector`.

Use a key in your own domain, or set the label with `kubectl label node` after the node has joined.

Sources: KEP-279 (limit node access); `IsKubeletLabel` in pkg/kubelet/apis/well_known_labels.go and \
`ValidateKubeletFlags` in cmd/kubelet/app/options/options.go of Kubernetes.",
    scope: Scope::Present,
    check,
};

/// The label by which the IPPool of a node selects it; kubelet sets it.
const HOSTNAME: &str = "kubernetes.io/hostname";

/// The keys that kubelet may set in [`NAMESPACES`] (`kubeletLabels`), without [`HOSTNAME`].
const ALLOWED: [&str; 9] = [
    "beta.kubernetes.io/arch",
    "beta.kubernetes.io/instance-type",
    "beta.kubernetes.io/os",
    "failure-domain.beta.kubernetes.io/region",
    "failure-domain.beta.kubernetes.io/zone",
    "kubernetes.io/arch",
    "kubernetes.io/os",
    "topology.kubernetes.io/region",
    "topology.kubernetes.io/zone",
];

/// The namespaces in which kubelet may set every key (`kubeletLabelNamespaces`).
const ALLOWED_NAMESPACES: [&str; 2] = ["kubelet.kubernetes.io", "node.kubernetes.io"];

/// The namespaces in which kubelet may set no other key.
const NAMESPACES: [&str; 2] = ["kubernetes.io", "k8s.io"];

fn check(topology: &Topology, findings: &mut Findings) {
    for node in &topology.nodes {
        findings.extend(node.labels.iter().filter_map(|label| finding(node, label)));
    }
}

fn finding(node: &Node, (key, value): (&LabelKey, &LabelValue)) -> Option<Finding> {
    let route = node.origin.key("labels").key(key.to_string());
    let place = LabelPlace::Key(route.clone());
    match key.as_str() {
        HOSTNAME => {
            let message = format!("the label `{HOSTNAME}` of `{}` is reserved", node.name);
            let finding = Finding::at_place(message, place, "Calico's pools select nodes by it");
            Some(finding.fix(Fix::remove(&route, "the label", "kubelet sets it")))
        }
        ROUTE_REFLECTOR_LABEL => {
            let message =
                format!("the label `{ROUTE_REFLECTOR_LABEL}` of `{}` is reserved", node.name);
            let finding =
                Finding::at_place(message, place, "Meshwright sets it on each route reflector");
            let help =
                format!("add `{}` to `calico.route_reflectors`, or remove the label", node.name);
            Some(finding.help(help))
        }
        key if is_refused(key) => {
            let message = format!("kubelet may not set the label `{key}` of `{}`", node.name);
            let finding = Finding::at_place(message, place, "kubelet exits at start");
            let command = format!("kubectl label node {} {key}={value}", node.name);
            Some(
                finding.help(format!(
                    "remove the label, and run `{command}` after the node has joined"
                )),
            )
        }
        _ => None,
    }
}

/// Whether kubelet exits on this key of `--node-labels`.
fn is_refused(key: &str) -> bool {
    let Some((namespace, _)) = key.split_once('/') else { return false };
    let inside = |outer: &str| {
        let rest = namespace.strip_suffix(outer);
        rest.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    };
    NAMESPACES.iter().any(|outer| inside(outer))
        && !ALLOWED.contains(&key)
        && !ALLOWED_NAMESPACES.iter().any(|outer| inside(outer))
}

#[cfg(test)]
mod tests {
    use super::is_refused;

    #[test]
    fn kubelet_refuses_keys_of_kubernetes() {
        let refused = [
            "kubernetes.io/role",
            "k8s.io/role",
            "app.kubernetes.io/name",
            "node-role.kubernetes.io/control-plane",
            "node-restriction.kubernetes.io/fips",
            "topology.kubernetes.io/rack",
            "x.k8s.io/y",
        ];
        let allowed = [
            "role",
            "kubernetes.io",
            "example.com/kubernetes.io",
            "mykubernetes.io/role",
            "kubernetes.io/arch",
            "beta.kubernetes.io/instance-type",
            "topology.kubernetes.io/region",
            "node.kubernetes.io/instance-type",
            "a.node.kubernetes.io/b",
            "kubelet.kubernetes.io/c",
        ];
        assert_eq!(refused.map(is_refused), [true; 7]);
        assert_eq!(allowed.map(is_refused), [false; 10]);
    }
}
