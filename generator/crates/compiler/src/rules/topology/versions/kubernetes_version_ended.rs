//! Warns when the minor release of Kubernetes gets no more patch releases.

use crate::check::{Findings, Rule, Scope, Theme};
use crate::diagnostic::{Finding, Severity};
use crate::release::{self, Known, NEWEST_KUBERNETES, Support};
use crate::topology::Topology;

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
    let ended = release::kubernetes_support(version).filter(|line| line.value.end < line.until);
    let Some(Known { value: Support { minor, end }, until, .. }) = ended else { return };
    let message = format!("Kubernetes 1.{minor} has had no support since {end}");
    let at = topology.cluster.origin.key("kubernetes_version");
    let label = format!("no more patch releases, as of {until}");
    let help = format!("upgrade one minor release after the other, up to 1.{NEWEST_KUBERNETES}");
    findings.push(Finding::new(message, &at, label).help(help));
}
