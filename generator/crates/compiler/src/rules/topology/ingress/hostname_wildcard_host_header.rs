//! Apps are told the hostname that was really asked for.

use crate::check::{Findings, Rule, Scope, Theme};
use crate::diagnostic::{Finding, Severity};
use crate::topology::Topology;

pub(super) const RULE: Rule<Topology> = Rule {
    code: "hostname-wildcard-host-header",
    severity: Severity::Warning,
    theme: Theme::Ingress,
    summary: "visitors of a wildcard can tell apps another hostname",
    explain: "\
The Ingress controller believes `X-Forwarded-Host`, together with the other headers that it needs from \
cloudflared, and Cloudflare's edge passes on what a visitor wrote there. An app that makes links from \
its hostname, such as the one in a mail that resets a password, can be made to write a foreign one; \
ingress-nginx even puts it into `Host`.

For a whole hostname the emitted rule of the tunnel says `httpHostHeader`, with which cloudflared \
overwrites that header. A wildcard has no one name to write. So list the names that matter beside the \
wildcard: whole names come first, whatever the order here. For the rest, accept this warning where no \
app believes its own hostname, or remove the header at the edge by a transform rule.

Source: cloudflared, proxy/origin_proxy.go; ingress-nginx, rootfs/etc/nginx/lua/lua_ingress.lua.",
    scope: Scope::Present,
    check,
};

fn check(topology: &Topology, findings: &mut Findings) {
    let Some(tunnel) = &topology.cloudflare_tunnel else { return };
    let at = tunnel.origin.key("hostnames");
    let names = tunnel.hostnames.iter().enumerate();
    for (position, hostname) in names.filter(|(_, hostname)| hostname.is_wildcard()) {
        let message = format!("visitors of `{hostname}` can tell apps another hostname");
        let finding = Finding::new(message, &at.index(position), "has no one name to insist on")
            .help("list the hostnames of apps that make links from their name beside the wildcard");
        findings.push(finding);
    }
}
