//! Warns when the tunnel has a wildcard, because visitors can then change the hostname that apps see.

use crate::check::{Findings, Rule, Scope, Theme};
use crate::diagnostic::{Finding, Severity};
use crate::topology::Topology;
use crate::topology::public_name::public_names;

pub(super) const RULE: Rule<Topology> = Rule {
    code: "hostname-wildcard-host-header",
    severity: Severity::Warning,
    theme: Theme::Ingress,
    summary: "visitors of a wildcard can change the hostname that apps see",
    explain: "\
The Ingress controller trusts `X-Forwarded-Host`, together with the other headers that it needs from \
cloudflared, and Cloudflare's edge passes on the value that a visitor sends. An app that builds links \
from its hostname can be made to write a foreign hostname, for example in an e-mail that resets a \
password. ingress-nginx even copies it into `Host`.

For a whole hostname, the emitted rule of the tunnel sets `httpHostHeader`, and cloudflared overwrites \
the header. For a wildcard, there is no single name to set. List the important names beside the \
wildcard: whole names are always matched first. For the other names, remove the header at the edge with \
a transform rule, or accept this warning if no app uses its own hostname.

Source: cloudflared, proxy/origin_proxy.go; ingress-nginx, rootfs/etc/nginx/lua/lua_ingress.lua.",
    scope: Scope::Present,
    check,
};

fn check(topology: &Topology, findings: &mut Findings) {
    let Some(tunnel) = &topology.cloudflare_tunnel else { return };
    let names = public_names(tunnel).filter(|name| name.to_controller);
    for name in names.filter(|name| name.hostname.is_wildcard()) {
        let message =
            format!("visitors of `{}` can change the hostname that apps see", name.hostname);
        let finding = Finding::new(message, &name.at, "a wildcard has no single hostname").help(
            "list the hostnames of apps that build links from their name beside the wildcard",
        );
        findings.push(finding);
    }
}
