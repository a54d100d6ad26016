//! Refuses a name of the API that is a node's name or `localhost`.

use crate::check::{Findings, Rule, Scope, Theme};
use crate::diagnostic::{Finding, Severity};
use crate::topology::Topology;

pub(super) const RULE: Rule<Topology> = Rule {
    code: "api-name-taken",
    severity: Severity::Error,
    theme: Theme::ControlPlane,
    summary: "the API's name is a node's name or `localhost`",
    explain: "\
Every node and client connects to the API by the name in `control_plane.endpoint`. Certificates and \
kubeconfigs contain it permanently, and `/etc/hosts` on each node gives its address. A node's own name \
has another line there (`127.0.1.1` on Debian), and cluster tools use it for that node: the other nodes \
would connect to this one node, and this node to itself. `localhost`, and every name below it, is the \
machine itself: a worker or a laptop would look for the API on itself.

Write a name that nothing else has, or leave the key out: the default is `k8s-api.<cluster>.internal`.

Sources: RFC 6761 §6.3; hosts(5); kubeadm, `controlPlaneEndpoint`.",
    scope: Scope::Present,
    check,
};

fn check(topology: &Topology, findings: &mut Findings) {
    let Some(endpoint) = &topology.control_plane.endpoint else { return };
    let name = endpoint.name().as_str();
    let at = topology.control_plane.origin.key("endpoint");
    let help = format!(
        "leave `endpoint` out: the default is `k8s-api.{}.internal:6443`",
        topology.cluster.name
    );
    if name == "localhost" || name.ends_with(".localhost") {
        let message = format!("the API's name `{name}` is the name of every machine for itself");
        findings.push(Finding::new(message, &at, "every node would connect to itself").help(help));
    } else if let Some(node) = topology.nodes.iter().find(|node| node.name.as_str() == name) {
        let message = format!("the API's name `{name}` is the name of a node");
        let finding = Finding::new(message, &at, "resolves to this node only")
            .and(&node.origin.key("name"), "has this name");
        findings.push(finding.help(help));
    }
}
