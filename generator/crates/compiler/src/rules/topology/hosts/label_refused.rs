//! A node's labels are its own to set.

use crate::check::{Findings, Rule, Scope, Theme};
use crate::derive::label::ROUTE_REFLECTOR_LABEL;
use crate::diagnostic::{Finding, Fix, Place, Severity};
use crate::topology::{Node, Topology};
use meshwright_value::{LabelKey, LabelValue};

pub(super) const RULE: Rule<Topology> = Rule {
    code: "label-refused",
    severity: Severity::Error,
    theme: Theme::Hosts,
    summary: "a node cannot set this label, or it is not the user's",
    explain: "\
kubelet sets `labels` when it registers its node. In the namespaces `kubernetes.io` and `k8s.io` it may \
set a few alone, so that a stolen node cannot call itself a control plane: with any other it exits at \
start (`unknown 'kubernetes.io' or 'k8s.io' labels specified with --node-labels`), and the node never \
joins. Among those are `node-role.kubernetes.io/…`. Allowed are zone and region, `os`, `arch`, the \
instance type, and everything in `node.kubernetes.io` and `kubelet.kubernetes.io`.

Two keys are not the user's: `kubernetes.io/hostname`, by which Calico's pools find their nodes, and \
`route-reflector`, which `calico.route_reflectors` sets.

Take a key in a domain of yours, or set the label with `kubectl label node` once the node has joined.

Sources: KEP-279 (limit node access); `IsKubeletLabel` in pkg/kubelet/apis/well_known_labels.go and \
`ValidateKubeletFlags` in cmd/kubelet/app/options/options.go of Kubernetes.",
    scope: Scope::Present,
    check,
};

/// Selected by each node's pool.
const HOSTNAME: &str = "kubernetes.io/hostname";

/// What kubelet may set in namespaces of Kubernetes (`kubeletLabels`), without [`HOSTNAME`].
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

/// Where kubelet may set everything (`kubeletLabelNamespaces`).
const ALLOWED_NAMESPACES: [&str; 2] = ["kubelet.kubernetes.io", "node.kubernetes.io"];

/// Where it may set nothing else.
const NAMESPACES: [&str; 2] = ["kubernetes.io", "k8s.io"];

fn check(topology: &Topology, findings: &mut Findings) {
    for node in &topology.nodes {
        findings.extend(node.labels.iter().filter_map(|label| finding(node, label)));
    }
}

fn finding(node: &Node, (key, value): (&LabelKey, &LabelValue)) -> Option<Finding> {
    let route = node.origin.key("labels").key(key.to_string());
    let place = Place::Key(route.clone());
    match key.as_str() {
        HOSTNAME => {
            let message = format!("the label `{HOSTNAME}` of `{}` is its name", node.name);
            let finding = Finding::at(message, place, "Calico's pools select nodes by it");
            Some(finding.fix(Fix::remove(&route, "it", "kubelet sets it")))
        }
        ROUTE_REFLECTOR_LABEL => {
            let message = format!("the label `{ROUTE_REFLECTOR_LABEL}` of `{}` is ours", node.name);
            let finding = Finding::at(message, place, "set on each route reflector");
            let help = format!("add `{}` to `calico.route_reflectors`, or remove it", node.name);
            Some(finding.help(help))
        }
        key if is_refused(key) => {
            let message = format!("kubelet refuses to set the label `{key}` of `{}`", node.name);
            let finding = Finding::at(message, place, "kubelet exits at start");
            let command = format!("kubectl label node {} {key}={value}", node.name);
            Some(finding.help(format!("remove it, and run `{command}` once it has joined")))
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
    fn kubelet_refuses_what_is_of_kubernetes() {
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
