//! Kubernetes still gets security updates.

use crate::check::{Findings, Rule, Scope, Theme};
use crate::diagnostic::{Finding, Severity};
use crate::release::{self, Known, NEWEST_KUBERNETES, Support};
use crate::topology::Topology;

pub(super) const RULE: Rule<Topology> = Rule {
    code: "kubernetes-version-ended",
    severity: Severity::Warning,
    theme: Theme::Versions,
    summary: "this minor of Kubernetes gets no patch releases any more",
    explain: "\
A minor of Kubernetes gets patch releases for about fourteen months, the last two of them for security \
alone. After that its holes stay open, and packages for new machines may go from the repository. The \
clock is never asked: this compares the date on which support ended with the one on which this version \
of Meshwright was last compared with upstream, so a minor whose support ended since is not reported. \
`meshwright check` prints the date of the minor that is used.

Upgrade minor by minor: kubeadm skips none. Each node's `upgrade.yaml` keeps the patches of its static \
pods.

Source: kubernetes.io/releases, page of each minor.",
    scope: Scope::Present,
    check,
};

fn check(topology: &Topology, findings: &mut Findings) {
    let version = topology.cluster.kubernetes_version;
    let ended = release::kubernetes_support(version).filter(|line| line.value.end < line.until);
    let Some(Known { value: Support { minor, end }, until, .. }) = ended else { return };
    let message = format!("Kubernetes 1.{minor} has no support since {end}");
    let at = topology.cluster.origin.key("kubernetes_version");
    let label = format!("no patch releases any more, as of {until}");
    let help = format!("upgrade minor by minor; 1.{NEWEST_KUBERNETES} is the newest that was run");
    findings.push(Finding::new(message, &at, label).help(help));
}
