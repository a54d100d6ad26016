//! Warns when kube-proxy's mode is IPVS, which is deprecated.

use super::kube_proxy_ipvs_removed;
use crate::check::{Findings, Rule, Scope, Theme};
use crate::diagnostic::{Finding, Severity};
use crate::topology::Topology;
use crate::topology::versions::Kubernetes;
use meshwright_value::ProxyMode;

pub(super) const RULE: Rule<Topology> = Rule {
    code: "kube-proxy-ipvs-deprecated",
    severity: Severity::Warning,
    theme: Theme::Versions,
    summary: "kube-proxy's IPVS mode is deprecated and will be removed",
    explain: "\
IPVS works today. kube-proxy warns at start since Kubernetes 1.35, and kubeadm since 1.37. In 1.40, the \
feature gate `KubeProxyIPVS` is off by default: kube-proxy then exits with `mode: ipvs`, unless the \
gate is enabled (Meshwright enables it from this release on). In 1.43, the code is removed, and \
Meshwright will refuse this topology.

IPVS also forgets a TCP connection that is idle for 900 seconds, and informs neither end: connections of \
databases and message queues then hang until their own keepalive. nftables uses the kernel's connection \
tracking, for which kube-proxy sets 24 hours. With IPVS, `tcp_timeout = 86400` sets the same.

Set `mode = \"nftables\"`, which is stable since 1.33 and needs a kernel of 5.13 or later. Calico's \
dataplane follows automatically. On a running cluster, change one node after the other: drain, apply, \
reboot. The reboot removes all rules of the old mode.

Sources: KEP-5495 (deprecate IPVS), KEP-3866 (nftables); Linux, net/netfilter/ipvs/ip_vs_proto_tcp.c \
(`IP_VS_TCP_S_ESTABLISHED`, 15 minutes); KubeProxyConfiguration, `conntrack.tcpEstablishedTimeout`.",
    scope: Scope::Whole,
    check,
};

fn check(topology: &Topology, findings: &mut Findings) {
    let ipvs = topology.kube_proxy.mode == ProxyMode::Ipvs;
    if !ipvs || kube_proxy_ipvs_removed::is_removed(topology) {
        return;
    }
    let Kubernetes { ipvs_deprecated, ipvs_gated, ipvs_removed, .. } =
        &topology.versions.kubernetes;
    let message = format!(
        "kube-proxy's IPVS mode is deprecated since Kubernetes {}, off by default in {} and removed in {}",
        ipvs_deprecated.line, ipvs_gated.line, ipvs_removed.line
    );
    let label = format!("`kube_proxy.mode` is `ipvs`; planned as of {}", ipvs_removed.until);
    let finding = Finding::new(message, &topology.kube_proxy.origin.key("mode"), label);
    findings.push(finding.help("set `kube_proxy.mode = \"nftables\"`"));
}
