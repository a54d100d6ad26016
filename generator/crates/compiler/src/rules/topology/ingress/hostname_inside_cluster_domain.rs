//! Cluster DNS answers for no name of the Internet.

use crate::check::{Findings, Rule, Scope, Theme};
use crate::diagnostic::{Finding, Severity};
use crate::topology::Topology;
use meshwright_value::Hostname;

pub(super) const RULE: Rule<Topology> = Rule {
    code: "hostname-inside-cluster-domain",
    severity: Severity::Warning,
    theme: Theme::Ingress,
    summary: "a public hostname lies below `network.dns_domain`",
    explain: "\
Pods ask cluster DNS, which answers for everything below `network.dns_domain` itself and knows Services \
and pods there, nothing else. A public hostname below it does not exist for any pod (`NXDOMAIN`), though \
everybody else on the Internet finds it: an app cannot call its own public name, and a login that \
redirects through it fails inside the cluster alone.

Leave `dns_domain` at `cluster.local`, or take a domain of its own for it.

Source: CoreDNS, plugin `kubernetes`, `fallthrough` (kubeadm writes it for reverse zones alone).",
    scope: Scope::Present,
    check,
};

fn check(topology: &Topology, findings: &mut Findings) {
    let Some(tunnel) = &topology.cloudflare_tunnel else { return };
    let domain = topology.network.dns_domain.as_str();
    let inside: Vec<_> =
        tunnel.hostnames.iter().enumerate().filter(|(_, name)| is_below(name, domain)).collect();
    let Some((index, name)) = inside.first() else { return };
    let others = match inside.len() - 1 {
        0 => String::new(),
        others => format!(" and {others} more"),
    };
    let message =
        format!("no pod can look up `{name}`{others}: cluster DNS answers for `{domain}`");
    let at = tunnel.origin.key("hostnames").index(*index);
    let finding = Finding::new(message, &at, "a public name").and(
        &topology.network.origin.key("dns_domain"),
        format!("`network.dns_domain` is `{domain}`"),
    );
    findings.push(finding.help("leave `dns_domain` out: it is then `cluster.local`"));
}

/// Whether a name, or one that it stands for, is the domain or below it.
fn is_below(name: &Hostname, domain: &str) -> bool {
    let name = name.as_str().trim_start_matches("*.");
    name == domain || name.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.'))
}
