//! Kubernetes is as new as the files need it.

use crate::check::{Findings, Rule, Scope, Theme};
use crate::diagnostic::{Finding, Severity};
use crate::release::{NEWEST_KUBERNETES, OLDEST_KUBERNETES};
use crate::topology::Topology;

pub(super) const RULE: Rule<Topology> = Rule {
    code: "kubernetes-version-old",
    severity: Severity::Error,
    theme: Theme::Versions,
    summary: "Kubernetes is older than what is supported, or of another major",
    explain: "\
The emitted files use kubeadm's `v1beta4` with fields that came with 1.34, and Calico 3.32 is tested \
from 1.34 on. kubeadm reads its configuration strictly: an older one stops at the first field that it \
does not know, on every node. What a release after 1.x would read, nobody can know.

Write a supported version. An older cluster is upgraded minor by minor first; kubeadm skips none.

Sources: kubeadm, \"kubeadm Configuration (v1beta4)\"; kubernetes/kubernetes#131677.",
    scope: Scope::Present,
    check,
};

fn check(topology: &Topology, findings: &mut Findings) {
    let version = topology.cluster.kubernetes_version;
    if version.major() == 1 && version.minor() >= OLDEST_KUBERNETES.value {
        return;
    }
    let at = topology.cluster.origin.key("kubernetes_version");
    let message = format!("Kubernetes {version} is not supported");
    let label = format!("expected 1.{OLDEST_KUBERNETES} or later");
    let help = format!("known here: 1.{OLDEST_KUBERNETES} to 1.{NEWEST_KUBERNETES}");
    findings.push(Finding::new(message, &at, label).help(help));
}
