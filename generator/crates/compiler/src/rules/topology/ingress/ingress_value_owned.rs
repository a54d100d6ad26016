//! Refuses a value of the Ingress controller's chart that Meshwright sets, or on which other files rely.

use serde_json::{Map, Value};

use crate::check::{Findings, Rule, Scope, Theme};
use crate::diagnostic::{Finding, LabelPlace, Severity};
use crate::route::Route;
use crate::topology::Topology;
use meshwright_value::IngressController;

pub(super) const RULE: Rule<Topology> = Rule {
    code: "ingress-value-owned",
    severity: Severity::Error,
    theme: Theme::Ingress,
    summary: "a value of the Ingress controller's chart is one that other files rely on",
    explain: "\
`[ingress.values]` adds values to those that Meshwright gives to the chart. Some of them are not free. Meshwright sets \
them itself, so that yours would have no effect; or another file relies on them: the tunnel calls the Service by its \
name and port, a NetworkPolicy selects the pods by their labels, and no port of the controller may be open beside the \
tunnel, since it trusts the headers of a request about its visitor.

The label names the reason. Remove the value, or write the key of `topology.toml` that the help names.

Sources: the `values.yaml` of the charts ingress-nginx 4.15.1 and traefik 41.3.0.",
    scope: Scope::Present,
    check,
};

/// Paths in the values with one reason.
struct Owned {
    paths: &'static [&'static str],
    reason: &'static str,
    help: &'static str,
}

const REMOVE: &str = "remove it";

const NAMES: &str = "the tunnel and the NetworkPolicy find the controller by its names and ports";
const CLOSED: &str = "the controller would be reachable beside the tunnel";
const CLASS: &str = "every Ingress has the class `nginx`, whichever controller serves it";
const SET: &str = "Meshwright sets it, and its value counts";

const fn owned(paths: &'static [&'static str], reason: &'static str) -> Owned {
    Owned { paths, reason, help: REMOVE }
}

const INGRESS_NGINX: &[Owned] = &[
    owned(
        &[
            "controller.containerPort",
            "controller.kind",
            "controller.name",
            "controller.service.enableHttp",
            "controller.service.ports",
            "controller.service.targetPorts",
            "fullnameOverride",
            "nameOverride",
            "namespaceOverride",
        ],
        NAMES,
    ),
    owned(
        &[
            "controller.hostNetwork",
            "controller.hostPort",
            "controller.metrics.enabled",
            "controller.metrics.service.type",
            "controller.networkPolicy",
            "controller.service.enableHttps",
            "controller.service.external",
            "controller.service.externalIPs",
            "controller.service.internal",
            "controller.service.loadBalancerIP",
            "controller.service.nodePorts",
            "controller.service.type",
        ],
        CLOSED,
    ),
    owned(
        &[
            "controller.ingressClass",
            "controller.ingressClassByName",
            "controller.ingressClassResource",
            "controller.watchIngressWithoutClass",
        ],
        CLASS,
    ),
    Owned {
        paths: &["controller.replicaCount"],
        reason: SET,
        help: "write `replicas` in `[ingress]`",
    },
    Owned { paths: &["controller.image"], reason: SET, help: "write `image` in `[ingress]`" },
    Owned {
        paths: &["controller.admissionWebhooks.enabled"],
        reason: SET,
        help: "write `admission_webhook` in `[ingress]`",
    },
    owned(
        &[
            "controller.config.compute-full-forwarded-for",
            "controller.config.forwarded-for-header",
            "controller.config.location-snippet",
            "controller.config.proxy-real-ip-cidr",
            "controller.config.use-forwarded-headers",
            "controller.config.use-proxy-protocol",
            "controller.extraArgs.publish-service",
            "controller.extraArgs.publish-status-address",
            "controller.publishService",
        ],
        "apps see the visitor that the tunnel names",
    ),
    owned(
        &[
            "controller.allowSnippetAnnotations",
            "controller.config.annotations-risk-level",
            "controller.config.proxy-body-size",
            "controller.config.server-tokens",
            "controller.config.ssl-redirect",
            "controller.config.worker-processes",
            "controller.enableAnnotationValidations",
            "controller.minAvailable",
            "controller.resources",
            "controller.service.trafficDistribution",
            "controller.topologySpreadConstraints",
            "controller.unhealthyPodEvictionPolicy",
        ],
        SET,
    ),
];

const TRAEFIK: &[Owned] = &[
    owned(
        &[
            "deployment.enabled",
            "deployment.kind",
            "fullnameOverride",
            "instanceLabelOverride",
            "nameOverride",
            "namespaceOverride",
            "ports.web.containerPort",
            "ports.web.expose",
            "ports.web.exposedPort",
            "ports.web.port",
            "ports.web.targetPort",
            "service.enabled",
            "service.nameOverride",
        ],
        NAMES,
    ),
    owned(
        &[
            "hostNetwork",
            "ports.web.hostPort",
            "ports.web.nodePort",
            "ports.websecure.expose",
            "ports.websecure.hostPort",
            "ports.websecure.nodePort",
            "service.additionalServices",
            "service.externalIPs",
            "service.loadBalancerSourceRanges",
            "service.spec.externalIPs",
            "service.spec.loadBalancerIP",
            "service.spec.type",
        ],
        CLOSED,
    ),
    owned(
        &[
            "ingressClass",
            "providers.kubernetesCRD.enabled",
            "providers.kubernetesIngress.enabled",
            "providers.kubernetesIngressNGINX",
        ],
        CLASS,
    ),
    Owned { paths: &["deployment.replicas"], reason: SET, help: "write `replicas` in `[ingress]`" },
    Owned { paths: &["image"], reason: SET, help: "write `image` in `[ingress]`" },
    owned(&["ports.web.forwardedHeaders"], "apps see the visitor that the tunnel names"),
    owned(
        &[
            "global.checkNewVersion",
            "global.sendAnonymousUsage",
            "podDisruptionBudget",
            "resources",
            "service.spec.trafficDistribution",
            "topologySpreadConstraints",
            "versionOverride",
        ],
        SET,
    ),
];

fn check(topology: &Topology, findings: &mut Findings) {
    let at = topology.ingress.origin.key("values");
    let table = match topology.ingress.controller {
        IngressController::IngressNginx => INGRESS_NGINX,
        IngressController::Traefik => TRAEFIK,
        IngressController::Absent => {
            findings.extend(unused(topology, &at));
            return;
        }
    };
    let mut reported = Vec::new();
    for owned in table {
        for path in owned.paths {
            let place = find(topology.ingress.values.entries(), path, &at);
            let Some(place) = place.filter(|place| !reported.contains(place)) else { continue };
            let message = format!("the value `{path}` of the chart is not free");
            let key = LabelPlace::Key(place.clone());
            findings.push(Finding::at_place(message, key, owned.reason).help(owned.help));
            reported.push(place);
        }
    }
}

/// Values without a chart that gets them.
fn unused(topology: &Topology, at: &Route) -> Option<Finding> {
    let message = "`ingress.controller` is `none`: no chart gets these values".to_owned();
    let place = LabelPlace::Key(at.clone());
    let has_values = !topology.ingress.values.is_empty();
    has_values.then(|| Finding::at_place(message, place, "without effect").help(REMOVE))
}

/// The place of a path in the values. A table that is replaced by another value is found too.
fn find(values: &Map<String, Value>, path: &str, at: &Route) -> Option<Route> {
    let (key, rest) = path.split_once('.').map_or((path, None), |(key, rest)| (key, Some(rest)));
    let value = values.get(key)?;
    let at = at.key(key.to_owned());
    match (rest, value) {
        (Some(rest), Value::Object(inner)) => find(inner, rest, &at),
        _ => Some(at),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::Path;

    use serde_json::Value;

    use super::{INGRESS_NGINX, Owned, TRAEFIK};
    use crate::pipeline;
    use crate::render::Rendering;
    use crate::source::Source;

    /// The paths of all values that are not tables.
    fn leaves(value: &Value, path: &str, found: &mut BTreeSet<String>) {
        match value {
            Value::Object(fields) if !fields.is_empty() => {
                for (key, value) in fields {
                    let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                    leaves(value, &path, found);
                }
            }
            _ => drop(found.insert(path.to_owned())),
        }
    }

    /// A value of the user's own below one of ours has no effect.
    #[test]
    fn each_value_of_ours_is_owned() {
        let charts: [(&str, &str, &[Owned]); 2] = [
            ("topology.toml", "cluster/ingress-nginx/values.yaml", INGRESS_NGINX),
            ("examples/high-availability/topology.toml", "cluster/traefik/values.yaml", TRAEFIK),
        ];
        for (topology, file, table) in charts {
            let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../..").join(topology);
            let source =
                Source { name: topology.to_owned(), text: fs::read_to_string(path).unwrap() };
            let plan = pipeline::compile(source).unwrap().plan.unwrap();
            let cluster = Rendering::new(&plan).cluster();
            let (_, bytes) = cluster.iter().find(|(path, _)| *path == file).unwrap();
            let values: Value = serde_saphyr::from_str(str::from_utf8(bytes).unwrap()).unwrap();
            let mut ours = BTreeSet::new();
            leaves(&values, "", &mut ours);
            let owned: Vec<_> = table.iter().flat_map(|owned| owned.paths).collect();
            let is_owned = |leaf: &&String| {
                let is_below = |path: &str| {
                    leaf.strip_prefix(path)
                        .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
                };
                owned.iter().any(|path| is_below(path))
            };
            let free: Vec<_> = ours.iter().filter(|leaf| !is_owned(leaf)).collect();
            assert!(free.is_empty(), "{topology}: {free:?}");
        }
    }
}
