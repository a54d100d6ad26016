//! Refuses a `lan_endpoint` on a node without a `site`.

use crate::check::{Findings, Rule, Scope, Theme};
use crate::diagnostic::{Finding, Severity};
use crate::topology::Topology;

pub(super) const RULE: Rule<Topology> = Rule {
    code: "lan-endpoint-without-site",
    severity: Severity::Error,
    theme: Theme::Mesh,
    summary: "a node has a `lan_endpoint` but no `site`",
    explain: "\
Nodes of the same `site` connect to a node at its `lan_endpoint`. A node without a site shares a site \
with no other node, so the key would have no effect. Two nodes of one LAN would connect through the \
public address of their router; if both are behind NAT, they would not reach each other at all.

Give all nodes of that LAN the same `site`, or remove the key.",
    scope: Scope::Tables(&["nodes"]),
    check,
};

fn check(topology: &Topology, findings: &mut Findings) {
    for node in topology.nodes.iter().filter(|node| node.site.is_none()) {
        let Some(endpoint) = &node.lan_endpoint else { continue };
        let message = format!("`{}` has the `lan_endpoint` {endpoint}, but no site", node.name);
        let finding = Finding::new(
            message,
            &node.origin.key("lan_endpoint"),
            "used only between nodes of one site",
        );
        findings
            .push(finding.help("give all nodes of that LAN the same `site`, or remove the key"));
    }
}
