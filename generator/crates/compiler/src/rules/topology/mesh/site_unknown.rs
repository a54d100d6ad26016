//! Refuses a `site` that is not declared, if any `[[sites]]` is declared.

use std::collections::BTreeSet;

use crate::check::{Findings, Rule, Scope, Theme};
use crate::diagnostic::wording::suggestion;
use crate::diagnostic::{Finding, Severity};
use crate::topology::Topology;

pub(super) const RULE: Rule<Topology> = Rule {
    code: "site-unknown",
    severity: Severity::Error,
    theme: Theme::Mesh,
    summary: "`site` names a site that is not declared",
    explain: "\
Nodes of one site connect to each other at their `lan_endpoint`. A misspelt `site` is a different site. \
The other nodes would connect to this node's public address; if it is behind NAT, they would not reach \
it at all. Its zone in Kubernetes would also differ from theirs.

Without any `[[sites]]`, the names of sites are free. With the first `[[sites]]`, each site must be \
declared. Correct the name, or declare the site.",
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
