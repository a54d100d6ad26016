//! The API's name is nobody's in public DNS.

use crate::check::{Findings, Rule, Scope, Theme};
use crate::derive::private::private_domain;
use crate::diagnostic::{Finding, Severity};
use crate::topology::Topology;

pub(super) const RULE: Rule<Topology> = Rule {
    code: "api-name-public",
    severity: Severity::Warning,
    theme: Theme::ControlPlane,
    summary: "the API's name could be looked up in public DNS",
    explain: "\
`/etc/hosts` of each node and client says where the API's name leads. A machine that has no such line yet \
(or a pod, or a resolver that goes past the file) asks public DNS, and whoever owns that domain answers: \
certificates keep a stranger from playing the API, but the name tells where the cluster lives, `kubectl` \
talks to a wrong host, and a wildcard record of your own zone makes it look like a broken API.

Leave `endpoint` out: `.internal` is reserved for private use, no public resolver will ever answer it. \
The name can never be changed once the cluster exists. Where the domain is yours and stays yours, accept \
the warning.

Sources: ICANN, reservation of `.internal` (2024); kubeadm#1955 (the name cannot be changed).",
    scope: Scope::Present,
    check,
};

fn check(topology: &Topology, findings: &mut Findings) {
    let Some(endpoint) = &topology.control_plane.endpoint else { return };
    let name = endpoint.name().as_str();
    // One that leads to a machine itself `api-name-taken` reports.
    if private_domain(name).is_some() || name.ends_with(".localhost") {
        return;
    }
    let domain = name.rsplit('.').next().unwrap_or_default();
    let message = format!("the API's name `{name}` can be looked up in public DNS");
    let at = topology.control_plane.origin.key("endpoint");
    let finding = Finding::new(message, &at, format!("`.{domain}` is a public domain"));
    let cluster = &topology.cluster.name;
    findings.push(
        finding.help(format!("leave `endpoint` out: it is then `k8s-api.{cluster}.internal:6443`")),
    );
}
