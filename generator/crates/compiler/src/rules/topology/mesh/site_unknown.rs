//! Where sites are declared, nodes stand in one of them.

use std::collections::BTreeSet;

use crate::check::{Findings, Rule, Scope, Theme};
use crate::diagnostic::wording::suggestion;
use crate::diagnostic::{Finding, Severity};
use crate::topology::Topology;

pub(super) const RULE: Rule<Topology> = Rule {
    code: "site-unknown",
    severity: Severity::Error,
    theme: Theme::Mesh,
    summary: "`site` names none of the declared sites",
    explain: "\
Nodes of one site call each other at their `lan_endpoint`. A misspelt `site` makes a site of its own: the \
node's neighbours would call its public address, or, behind NAT, not reach it at all, and its zone in \
Kubernetes would be another than theirs.

Names of sites are free as long as no `[[sites]]` is declared; from the first one on each has to be. \
Correct the name, or declare the site.",
    scope: Scope::Tables(&["nodes", "sites"]),
    check,
};

fn check(topology: &Topology, findings: &mut Findings) {
    let sites: BTreeSet<_> = topology.sites.iter().map(|site| site.name.as_str()).collect();
    if sites.is_empty() {
        return;
    }
    let known: Vec<_> = sites.iter().copied().collect();
    for node in &topology.nodes {
        let Some(site) = node.site.as_ref().filter(|site| !sites.contains(site.as_str())) else {
            continue;
        };
        let message = format!("site `{site}` is not declared");
        let label = "no `[[sites]]` has this name";
        let finding = Finding::new(message, &node.origin.key("site"), label);
        findings.push(finding.help(suggestion(site.as_str(), &known)));
    }
}
