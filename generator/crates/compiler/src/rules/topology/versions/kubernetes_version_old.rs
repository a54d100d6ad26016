//! Refuses a Kubernetes that is older than the oldest supported release, or of another major.

use crate::check::{Findings, Rule, Scope, Theme};
use crate::diagnostic::{Finding, Severity};
use crate::topology::Topology;

pub(super) const RULE: Rule<Topology> = Rule {
    code: "kubernetes-version-old",
    severity: Severity::Error,
    theme: Theme::Versions,
    summary: "this release of Kubernetes is too old, or of another major version",
    explain: "\
The emitted files use kubeadm's `v1beta4` with fields that exist since 1.34, and Calico 3.32 is tested \
from 1.34 on. kubeadm reads its configuration strictly: an older kubeadm stops at the first unknown \
field, on every node. Which configuration a release after 1.x will read is not known.

Write a supported version. Upgrade an older cluster first, one minor release after the other: kubeadm \
cannot skip one.

Sources: kubeadm, \"kubeadm Configuration (v1beta4)\"; kubernetes/kubernetes#131677.",
    scope: Scope::Present,
    check,
};

fn check(topology: &Topology, findings: &mut Findings) {
    let version = topology.cluster.kubernetes_version;
    let known = &topology.versions.kubernetes;
    let (oldest, newest) = (known.oldest.line, known.newest.line);
    if version.major() == 1 && version.line() >= oldest {
        return;
    }
    let at = topology.cluster.origin.key("kubernetes_version");
    let message = format!("Kubernetes {version} is not supported");
    let label = format!("expected {oldest} or later");
    let help = format!("known releases: {oldest} to {newest}");
    findings.push(Finding::new(message, &at, label).help(help));
}
