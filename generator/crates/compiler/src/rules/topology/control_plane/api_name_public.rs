//! Warns when the API's name is in a domain of public DNS.

use crate::check::{Findings, Rule, Scope, Theme};
use crate::derive::private::private_domain;
use crate::diagnostic::{Finding, Severity};
use crate::topology::Topology;

pub(super) const RULE: Rule<Topology> = Rule {
    code: "api-name-public",
    severity: Severity::Warning,
    theme: Theme::ControlPlane,
    summary: "the API's name is in a domain of public DNS",
    explain: "\
On each node and client, `/etc/hosts` gives the address of the API's name. A machine without this line, \
a pod, or a resolver that ignores the file asks public DNS, and the owner of the domain answers. \
Certificates prevent that another server is accepted as the API. But the queries show the owner where \
the cluster is, `kubectl` connects to a wrong host, and a wildcard record in your own zone makes it \
look like a broken API.

Leave `endpoint` out: `.internal` is reserved for private use, and no public resolver answers for it. \
The name cannot be changed once the cluster exists. If you own the domain and will keep it, accept the \
warning.

Sources: ICANN, reservation of `.internal` (2024); kubeadm#1955 (the name cannot be changed).",
    scope: Scope::Present,
    check,
};

fn check(topology: &Topology, findings: &mut Findings) {
    let Some(endpoint) = &topology.control_plane.endpoint else { return };
    let name = endpoint.name().as_str();
    // `api-name-taken` reports names of the loopback address.
    if private_domain(name).is_some() || name.ends_with(".localhost") {
        return;
    }
    let domain = name.rsplit('.').next().unwrap_or_default();
    let message = format!("the API's name `{name}` is in a domain of public DNS");
    let at = topology.control_plane.origin.key("endpoint");
    let finding = Finding::new(message, &at, format!("`.{domain}` is a public domain"));
    let cluster = &topology.cluster.name;
    findings.push(
        finding.help(format!(
            "leave `endpoint` out: the default is `k8s-api.{cluster}.internal:6443`"
        )),
    );
}
