//! Refuses kube-proxy's IPVS mode with a Kubernetes that no longer has it.

use crate::check::{Findings, Rule, Scope, Theme};
use crate::diagnostic::{Finding, Severity};
use crate::topology::Topology;
use meshwright_value::ProxyMode;

pub(super) const RULE: Rule<Topology> = Rule {
    code: "kube-proxy-ipvs-removed",
    severity: Severity::Error,
    theme: Theme::Versions,
    summary: "this Kubernetes no longer has the IPVS mode of kube-proxy",
    explain: "\
From Kubernetes 1.43 on, kube-proxy has no IPVS mode, and no feature gate enables it: kube-proxy exits \
at start on every node. Then no Service works, and cluster DNS is one of them.

Set `kube_proxy.mode = \"nftables\"`. On a running cluster, do this before the upgrade, one node after \
the other: drain, apply, reboot.

Source: KEP-5495.",
    scope: Scope::Present,
    check,
};

fn check(topology: &Topology, findings: &mut Findings) {
    if topology.kube_proxy.mode != ProxyMode::Ipvs || !is_removed(topology) {
        return;
    }
    let version = topology.cluster.kubernetes_version;
    let removed = &topology.versions.kubernetes.ipvs_removed;
    let message =
        format!("Kubernetes {version} has no IPVS mode: it was removed in {}", removed.line);
    let at = topology.cluster.origin.key("kubernetes_version");
    let label = format!("`kube_proxy.mode` is `ipvs`; planned as of {}", removed.until);
    let finding = Finding::new(message, &topology.kube_proxy.origin.key("mode"), label)
        .and(&at, "the version of this cluster");
    findings.push(finding.help("set `kube_proxy.mode = \"nftables\"`"));
}

/// Whether this cluster's kube-proxy has no IPVS mode.
pub(super) fn is_removed(topology: &Topology) -> bool {
    let version = topology.cluster.kubernetes_version;
    version.major() == 1 && version.line() >= topology.versions.kubernetes.ipvs_removed.line
}
