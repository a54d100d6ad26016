//! Refuses a rule of the tunnel that leads to a part of the cluster itself.

use crate::check::{Findings, Rule, Scope, Theme};
use crate::diagnostic::{Finding, Severity};
use crate::topology::Topology;

pub(super) const RULE: Rule<Topology> = Rule {
    code: "hostname-rule-inside",
    severity: Severity::Error,
    theme: Theme::Ingress,
    summary: "a rule of the tunnel leads to a part of the cluster itself",
    explain: "\
In the namespaces of the cluster's own parts are cluster DNS, Calico, cloudflared with its configuration and memory, and \
the Ingress controller with its metrics and its webhook. None of them has a login of its own, so a public name for one \
of them opens it to everybody. The Service `kubernetes` in `default` is the API server, which runs in the network of its \
host: no NetworkPolicy for pods admits cloudflared to it.

Remove `service` for a name that the Ingress controller serves. Call the API and dashboards of the cluster from a \
client of the mesh.",
    scope: Scope::Present,
    check,
};

/// The namespaces of kubeadm, of Calico's operator (its docs, "Install Calico"), of the API's Service, and ours.
const OF_CLUSTER: [&str; 6] = [
    "calico-apiserver",
    "calico-system",
    "cloudflared",
    "default",
    "kube-system",
    "tigera-operator",
];

fn check(topology: &Topology, findings: &mut Findings) {
    let rules = topology.cloudflare_tunnel.iter().flat_map(|tunnel| &tunnel.rules);
    for rule in rules {
        let Some(service) = &rule.service else { continue };
        let namespace = service.namespace().as_str();
        // The namespace of each controller has its name.
        let of_controller = namespace == topology.ingress.controller.as_str();
        let is_app_in_default = namespace == "default" && service.name().as_str() != "kubernetes";
        if is_app_in_default || !(of_controller || OF_CLUSTER.contains(&namespace)) {
            continue;
        }
        let message = format!("the rule for `{}` leads to a part of the cluster", rule.hostname);
        let at = rule.origin.key("service");
        let finding = Finding::new(message, &at, format!("the namespace `{namespace}`"));
        findings.push(finding.help(if of_controller {
            "remove `service`: without it, requests are for the Ingress controller"
        } else {
            "name a Service of an app, in its own namespace"
        }));
    }
}
