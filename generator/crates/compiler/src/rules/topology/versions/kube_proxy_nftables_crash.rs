//! Refuses a Kubernetes whose kube-proxy crashes in nftables mode on a node's system.

use crate::check::{Findings, Rule, Scope, Theme};
use crate::diagnostic::wording::NAMED;
use crate::diagnostic::{Finding, Severity};
use crate::release;
use crate::topology::Topology;
use meshwright_value::ProxyMode;

pub(super) const RULE: Rule<Topology> = Rule {
    code: "kube-proxy-nftables-crash",
    severity: Severity::Error,
    theme: Theme::Versions,
    summary: "kube-proxy of this patch release crashes in nftables mode on a node's system",
    explain: "\
kube-proxy lists the sets of all nftables tables. The `nft` in its image crashes (`signal: segmentation \
fault`) on sets that were created by nft 1.1.3 or later, such as those of the host's firewall here. \
kube-proxy then writes no rules: no Service works on that node, and cluster DNS is one of them. Debian \
13 has nftables 1.1.3, Ubuntu 26.04 has 1.1.6, and NixOS is at least as new. Debian 12 and Ubuntu up to \
24.04 are older and not affected.

Use the patch release in the help or a later one. All releases of 1.36 are correct.

Sources: kubernetes#136786, fixed by #137501 and its cherry-picks #137807 (1.35.4) and #137808 \
(1.34.7); packages.debian.org, packages.ubuntu.com.",
    scope: Scope::Present,
    check,
};

fn check(topology: &Topology, findings: &mut Findings) {
    let version = topology.cluster.kubernetes_version;
    let fixed = topology.versions.kubernetes.nftables_fixed.iter();
    let fixed = fixed.map(|known| known.version).find(|fixed| fixed.line() == version.line());
    let Some(fixed) = fixed.filter(|fixed| version < *fixed) else { return };
    let affected: Vec<_> =
        topology.nodes.iter().filter(|node| release::has_new_nftables(node.os)).collect();
    if topology.kube_proxy.mode != ProxyMode::Nftables || affected.is_empty() {
        return;
    }
    let message =
        format!("kube-proxy of {version} crashes in nftables mode with nft 1.1.3 or later");
    let at = topology.cluster.origin.key("kubernetes_version");
    let mut finding = Finding::new(message, &at, format!("fixed in {fixed}"));
    for node in affected.iter().take(NAMED) {
        let label = format!("`{}` has {}, with nft 1.1.3 or later", node.name, node.os);
        finding = finding.and(&node.origin.key("os"), label);
    }
    findings.push(finding.help(format!("use {fixed} or later")));
}
