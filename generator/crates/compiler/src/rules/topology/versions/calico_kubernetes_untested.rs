//! Calico is tested with this Kubernetes.

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
Each minor of Calico is tested upstream with three or four minors of Kubernetes; others may well work, \
and nobody has looked. What breaks, if anything, is the API that Calico's controllers speak, admission \
of its CRDs, or the rules that Felix shares with kube-proxy.

Take a pair that is tested, or accept the warning after a look at Calico's release notes.

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
    // What nothing is known of, `kubernetes-version-unknown` reports.
    if !untested || kubernetes_version_unknown::is_unknown(topology) {
        return;
    }
    let message = format!("Calico {calico} is not tested with Kubernetes {version}");
    let label = format!("`calico.version` is {calico}");
    let at = topology.cluster.origin.key("kubernetes_version");
    let finding = Finding::new(message, &topology.calico.origin.key("version"), label)
        .and(&at, "the Kubernetes of this cluster");
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
