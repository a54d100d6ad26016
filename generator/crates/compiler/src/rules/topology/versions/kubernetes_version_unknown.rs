//! Warns when Kubernetes is newer than the newest release that Meshwright knows.

use crate::check::{Findings, Rule, Scope, Theme};
use crate::diagnostic::{Finding, Severity};
use crate::topology::Topology;

pub(super) const RULE: Rule<Topology> = Rule {
    code: "kubernetes-version-unknown",
    severity: Severity::Warning,
    theme: Theme::Versions,
    summary: "this release of Kubernetes is newer than the known ones",
    explain: "\
The emitted files were tested with releases up to the newest one that this version of Meshwright knows. \
A later minor release may have removed a field, a flag or a feature gate: kubeadm, kubelet or \
kube-proxy would then fail at start and name it. For an unknown release, Meshwright writes the same \
files as for the newest known one.

Read the \"Urgent Upgrade Notes\" of that release and try one machine first, or use a newer Meshwright.",
    scope: Scope::Present,
    check,
};

fn check(topology: &Topology, findings: &mut Findings) {
    let version = topology.cluster.kubernetes_version;
    if !is_unknown(topology) {
        return;
    }
    let at = topology.cluster.origin.key("kubernetes_version");
    let message = format!("Kubernetes {version} is newer than the known releases");
    let newest = &topology.versions.kubernetes.newest;
    let label = format!("{} is the newest known release, as of {}", newest.line, newest.until);
    let help = "read its urgent upgrade notes, or use a newer Meshwright";
    findings.push(Finding::new(message, &at, label).help(help));
}

/// Whether the minor release is newer than the known ones. Which Calico fits it is then unknown too.
pub(super) fn is_unknown(topology: &Topology) -> bool {
    let version = topology.cluster.kubernetes_version;
    version.major() == 1 && version.line() > topology.versions.kubernetes.newest.line
}
