//! Refuses a dataplane of Calico that does not work with kube-proxy's mode.

use crate::check::{Findings, Rule, Scope, Theme};
use crate::derive::dataplane;
use crate::diagnostic::{Finding, Fix, Severity};
use crate::topology::Topology;

pub(super) const RULE: Rule<Topology> = Rule {
    code: "dataplane-mismatch",
    severity: Severity::Error,
    theme: Theme::PodNetwork,
    summary: "Calico's dataplane does not work with kube-proxy's mode",
    explain: "\
Felix, Calico's agent, must program the same kernel tables as kube-proxy. With the dataplane `nftables` \
and kube-proxy in IPVS mode, Felix panics at start (`IPVS not supported in nftables mode`), and no pod \
gets a network. With kube-proxy in nftables mode, Calico supports only `nftables`.

Remove `calico.dataplane`: it follows from `kube_proxy.mode`.

Sources: felix/nftables/match_builder.go; Calico, \"Install Calico in nftables mode\".",
    scope: Scope::Present,
    check,
};

fn check(topology: &Topology, findings: &mut Findings) {
    let mode = topology.kube_proxy.mode;
    let expected = dataplane::dataplane_for(mode);
    let Some(dataplane) = topology.calico.dataplane.filter(|declared| *declared != expected) else {
        return;
    };
    let message =
        format!("Calico's dataplane `{dataplane}` does not work with kube-proxy's mode `{mode}`");
    let at = topology.calico.origin.key("dataplane");
    let finding = Finding::new(message, &at, format!("expected `{expected}`"))
        .and(&topology.kube_proxy.origin.key("mode"), format!("`kube_proxy.mode` is `{mode}`"));
    findings.push(finding.fix(Fix::default(&at, &format!("the default is then `{expected}`"))));
}
