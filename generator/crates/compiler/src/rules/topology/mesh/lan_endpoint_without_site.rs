//! An endpoint in a LAN says in which.

use crate::check::{Findings, Rule, Scope, Theme};
use crate::diagnostic::{Finding, Severity};
use crate::topology::Topology;

pub(super) const RULE: Rule<Topology> = Rule {
    code: "lan-endpoint-without-site",
    severity: Severity::Error,
    theme: Theme::Mesh,
    summary: "a node has a `lan_endpoint` and no `site`",
    explain: "\
`lan_endpoint` is where nodes of the same `site` reach a node. Without a site no node is of the same one, \
and the key would have no effect: two nodes of one LAN would go through their router's public address, \
or, behind NAT, not reach each other at all.

Give the nodes of that LAN one `site`, or remove the key.",
    scope: Scope::Tables(&["nodes"]),
    check,
};

fn check(topology: &Topology, findings: &mut Findings) {
    for node in topology.nodes.iter().filter(|node| node.site.is_none()) {
        let Some(endpoint) = &node.lan_endpoint else { continue };
        let message = format!("`{}` has the lan_endpoint {endpoint} and no site", node.name);
        let finding = Finding::new(message, &node.origin.key("lan_endpoint"), "in which LAN?");
        findings.push(finding.help("give the nodes of that LAN one `site`, or remove it"));
    }
}
