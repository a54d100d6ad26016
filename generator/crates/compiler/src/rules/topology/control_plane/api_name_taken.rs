//! The API's name belongs to the API alone.

use crate::check::{Findings, Rule, Scope, Theme};
use crate::diagnostic::{Finding, Severity};
use crate::topology::Topology;

pub(super) const RULE: Rule<Topology> = Rule {
    code: "api-name-taken",
    severity: Severity::Error,
    theme: Theme::ControlPlane,
    summary: "the API's name is a node's name, or `localhost`",
    explain: "\
`control_plane.endpoint` is the name under which every machine looks for the API, in certificates and \
kubeconfigs for good, and `/etc/hosts` says on each node where that is. A node's own name has a line of \
its own there (`127.0.1.1` on Debian), and cluster tools take it for that node: the others would follow \
the name to one machine, and that machine to itself. `localhost`, and every name below it, is each \
machine for itself: a worker would ask itself for the API, and a client its laptop.

Write a name that nothing else has, or leave the key out: it is then `k8s-api.<cluster>.internal`.

Sources: RFC 6761 §6.3; hosts(5); kubeadm, `controlPlaneEndpoint`.",
    scope: Scope::Present,
    check,
};

fn check(topology: &Topology, findings: &mut Findings) {
    let Some(endpoint) = &topology.control_plane.endpoint else { return };
    let name = endpoint.name().as_str();
    let at = topology.control_plane.origin.key("endpoint");
    let help = format!(
        "leave `endpoint` out: it is then `k8s-api.{}.internal:6443`",
        topology.cluster.name
    );
    if name == "localhost" || name.ends_with(".localhost") {
        let message = format!("the API's name `{name}` is each machine's name for itself");
        findings.push(Finding::new(message, &at, "leads every node to itself").help(help));
    } else if let Some(node) = topology.nodes.iter().find(|node| node.name.as_str() == name) {
        let message = format!("the API's name `{name}` is the name of a node");
        let finding = Finding::new(message, &at, "leads to this node alone")
            .and(&node.origin.key("name"), "has this name");
        findings.push(finding.help(help));
    }
}
