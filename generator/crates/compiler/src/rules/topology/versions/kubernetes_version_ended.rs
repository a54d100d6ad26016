//! Warns when the minor release of Kubernetes gets no more patch releases.

use crate::check::{Findings, Rule, Scope, Theme};
use crate::diagnostic::{Finding, Severity};
use crate::topology::Topology;
use crate::topology::versions::Support;

pub(super) const RULE: Rule<Topology> = Rule {
    code: "kubernetes-version-ended",
    severity: Severity::Warning,
    theme: Theme::Versions,
    summary: "this minor release of Kubernetes gets no more patch releases",
    explain: "\
A minor release of Kubernetes gets patch releases for about fourteen months, in the last two months \
only for security. After that, its vulnerabilities are not fixed, and its packages may be removed from \
the repository. The rule does not use the clock: it compares the end of support with the day on which \
this version of Meshwright was last compared with upstream. So a release whose support ended after that \
day is not reported. `meshwright check` prints the end of support of the release in use.

Upgrade one minor release after the other: kubeadm cannot skip one. The `upgrade.yaml` of each node \
keeps the patches of its static pods.

Source: kubernetes.io/releases, page of each minor release.",
    scope: Scope::Present,
    check,
};

fn check(topology: &Topology, findings: &mut Findings) {
    let version = topology.cluster.kubernetes_version;
    let versions = &topology.versions;
    let ended = versions.kubernetes_support(version).filter(|line| line.end < line.until);
    let Some(Support { line, end, until, .. }) = ended else { return };
    let message = format!("Kubernetes {line} has had no support since {end}");
    let at = topology.cluster.origin.key("kubernetes_version");
    let label = format!("no more patch releases, as of {until}");
    let newest = versions.kubernetes.newest.line;
    let help = format!("upgrade one minor release after the other, up to {newest}");
    findings.push(Finding::new(message, &at, label).help(help));
}
