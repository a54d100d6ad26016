//! Kubernetes is no newer than what the files were run against.

use crate::check::{Findings, Rule, Scope, Theme};
use crate::diagnostic::{Finding, Severity};
use crate::release::NEWEST_KUBERNETES;
use crate::topology::Topology;

pub(super) const RULE: Rule<Topology> = Rule {
    code: "kubernetes-version-unknown",
    severity: Severity::Warning,
    theme: Theme::Versions,
    summary: "Kubernetes is newer than what is known here",
    explain: "\
The emitted files were run against releases up to the newest one that this version of Meshwright knows. \
A later minor may have removed a field, a flag or a feature gate: kubeadm, kubelet or kube-proxy would \
then refuse to start, and say which. Files for a known minor are not guessed at; they are those of the \
newest one.

Read the \"Urgent Upgrade Notes\" of that release, try one machine first, or take a newer Meshwright.",
    scope: Scope::Present,
    check,
};

fn check(topology: &Topology, findings: &mut Findings) {
    let version = topology.cluster.kubernetes_version;
    if !is_unknown(topology) {
        return;
    }
    let at = topology.cluster.origin.key("kubernetes_version");
    let message = format!("Kubernetes {version} is newer than what is known here");
    let until = NEWEST_KUBERNETES.until;
    let label = format!("1.{NEWEST_KUBERNETES} is the newest that was run, as of {until}");
    let help = "read its urgent upgrade notes, or take a newer meshwright";
    findings.push(Finding::new(message, &at, label).help(help));
}

/// Whether the topology asks for a minor of which nothing is known, its match with Calico included.
pub(super) fn is_unknown(topology: &Topology) -> bool {
    let version = topology.cluster.kubernetes_version;
    version.major() == 1 && version.minor() > NEWEST_KUBERNETES.value
}
