//! Warns when this version of Meshwright does not know the release of Calico.

use crate::check::{Findings, Rule, Scope, Theme};
use crate::diagnostic::wording::list;
use crate::diagnostic::{Finding, Severity};
use crate::topology::Topology;

pub(super) const RULE: Rule<Topology> = Rule {
    code: "calico-version-unknown",
    severity: Severity::Warning,
    theme: Theme::Versions,
    summary: "Meshwright does not know this release of Calico",
    explain: "\
The emitted Installation, pools and BGP objects were compared with the CRDs of the releases that this \
version of Meshwright knows. Another release may have renamed a field or changed a default. The API \
server removes unknown fields, so a setting would be lost without an error message.

Choose a known release, or compare the emitted objects with the CRDs of the other one: `kubectl apply \
--dry-run=server --validate=strict` names the fields that it does not have.",
    scope: Scope::Whole,
    check,
};

fn check(topology: &Topology, findings: &mut Findings) {
    let version = topology.calico_version();
    if topology.versions.calico_tested(version).is_some() {
        return;
    }
    let tested = &topology.versions.calico.tested;
    let known: Vec<_> = tested.iter().map(|tested| tested.line.to_string()).collect();
    let days = tested.iter().map(|tested| &tested.until);
    let until = days.max().unwrap_or(&topology.versions.compared);
    let message = format!("Calico {version} is not known, as of {until}");
    let label = format!("`calico.version` is {version}");
    let finding = Finding::new(message, &topology.calico.origin.key("version"), label);
    findings.push(finding.help(format!("known releases: {}", list(&known, "and"))));
}
