//! Warns when a public hostname is below `network.dns_domain`.

use crate::check::{Findings, Rule, Scope, Theme};
use crate::diagnostic::{Finding, Severity};
use crate::topology::Topology;
use crate::topology::public_name::public_names;
use meshwright_value::Hostname;

pub(super) const RULE: Rule<Topology> = Rule {
    code: "hostname-inside-cluster-domain",
    severity: Severity::Warning,
    theme: Theme::Ingress,
    summary: "a public hostname is below `network.dns_domain`",
    explain: "\
Pods ask cluster DNS. For every name below `network.dns_domain`, cluster DNS answers itself, and it \
knows only Services and pods. A public hostname below this domain does not exist for any pod \
(`NXDOMAIN`), although all other hosts on the Internet find it. An app cannot connect to its own public \
name, and a login that redirects through this name fails inside the cluster only.

Leave `dns_domain` at `cluster.local`, or use a domain that has no public hostnames.

Source: CoreDNS, plugin `kubernetes`, `fallthrough` (kubeadm writes it only for reverse zones).",
    scope: Scope::Present,
    check,
};

fn check(topology: &Topology, findings: &mut Findings) {
    let Some(tunnel) = &topology.cloudflare_tunnel else { return };
    let domain = topology.network.dns_domain.as_str();
    let inside: Vec<_> =
        public_names(tunnel).filter(|name| is_below(name.hostname, domain)).collect();
    let Some(first) = inside.first() else { return };
    let others = match inside.len() - 1 {
        0 => String::new(),
        others => format!(" and {others} more"),
    };
    let name = first.hostname;
    let message =
        format!("no pod can resolve `{name}`{others}: cluster DNS answers for `{domain}`");
    let finding = Finding::new(message, &first.at, "a public name").and(
        &topology.network.origin.key("dns_domain"),
        format!("`network.dns_domain` is `{domain}`"),
    );
    findings.push(finding.help("leave `dns_domain` out: the default is `cluster.local`"));
}

/// Whether a name, or a name that its wildcard matches, is the domain or below it.
fn is_below(name: &Hostname, domain: &str) -> bool {
    let base = name.as_str().trim_start_matches("*.");
    base == domain || base.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.'))
}
