//! Warns when this release of Calico is not tested with this release of Kubernetes.

use super::kubernetes_version_unknown;
use crate::check::{Findings, Rule, Scope, Theme};
use crate::diagnostic::{Finding, Severity};
use crate::release::{self, CALICO_TESTED, CalicoSupport, Known, OLDEST_KUBERNETES};
use crate::topology::Topology;

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
    let calico = topology.calico.version;
    let Some(support) = release::calico_support(calico) else { return };
    let judged = version.major() == 1 && version.minor() >= OLDEST_KUBERNETES.value;
    let untested = judged && !support.value.includes(version.minor());
    // `kubernetes-version-unknown` reports a release that is newer than the known ones.
    if !untested || kubernetes_version_unknown::is_unknown(topology) {
        return;
    }
    let message = format!("Calico {calico} is not tested with Kubernetes {version}");
    let label = format!("`calico.version` is {calico}");
    let at = topology.cluster.origin.key("kubernetes_version");
    let finding = Finding::new(message, &topology.calico.origin.key("version"), label)
        .and(&at, "the version of this cluster");
    let fitting = CALICO_TESTED.iter().find(|line| line.value.includes(version.minor()));
    findings.push(match fitting {
        Some(fitting) => finding.help(tested(fitting)),
        None => finding.help(tested(&support)),
    });
}

fn tested(support: &Known<CalicoSupport>) -> String {
    let Known { value: CalicoSupport { calico, first, last }, until, .. } = support;
    format!("Calico 3.{calico} is tested with Kubernetes 1.{first} to 1.{last}, as of {until}")
}
