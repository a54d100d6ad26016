//! Warns when this release of Calico is not tested with this release of Kubernetes.

use super::kubernetes_version_unknown;
use crate::check::{Findings, Rule, Scope, Theme};
use crate::diagnostic::{Finding, Severity};
use crate::topology::Topology;
use crate::topology::versions::CalicoTested;

pub(super) const RULE: Rule<Topology> = Rule {
    code: "calico-kubernetes-untested",
    severity: Severity::Warning,
    theme: Theme::Versions,
    summary: "this Calico is not tested with this Kubernetes",
    explain: "\
Each minor release of Calico is tested upstream with three or four minor releases of Kubernetes. Others \
may work, but upstream has not tested them. If something breaks, it is probably the API that \
Calico's controllers use, the admission of its CRDs, or the rules that Felix shares with kube-proxy.

Choose a tested pair, or read Calico's release notes and accept the warning.

Source: docs.tigera.io, \"System requirements\", of each release.",
    scope: Scope::Whole,
    check,
};

fn check(topology: &Topology, findings: &mut Findings) {
    let version = topology.cluster.kubernetes_version;
    let calico = topology.calico_version();
    let versions = &topology.versions;
    let Some(support) = versions.calico_tested(calico) else { return };
    let judged = version.major() == 1 && version.line() >= versions.kubernetes.oldest.line;
    let untested = judged && !support.includes(version);
    // `kubernetes-version-unknown` reports a release that is newer than the known ones.
    if !untested || kubernetes_version_unknown::is_unknown(topology) {
        return;
    }
    let message = format!("Calico {calico} is not tested with Kubernetes {version}");
    let label = format!("`calico.version` is {calico}");
    let at = topology.cluster.origin.key("kubernetes_version");
    let finding = Finding::new(message, &topology.calico.origin.key("version"), label)
        .and(&at, "the version of this cluster");
    let fitting = versions.calico.tested.iter().find(|line| line.includes(version));
    findings.push(finding.help(tested(fitting.unwrap_or(support))));
}

fn tested(support: &CalicoTested) -> String {
    let CalicoTested { line, oldest, newest, until, .. } = support;
    format!("Calico {line} is tested with Kubernetes {oldest} to {newest}, as of {until}")
}
