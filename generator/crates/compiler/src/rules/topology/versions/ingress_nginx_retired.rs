//! Warns when the Ingress controller is ingress-nginx, which is retired.

use crate::check::{Findings, Rule, Scope, Theme};
use crate::diagnostic::{Finding, Severity};
use crate::topology::Topology;
use meshwright_value::IngressController;

pub(super) const RULE: Rule<Topology> = Rule {
    code: "ingress-nginx-retired",
    severity: Severity::Warning,
    theme: Theme::Versions,
    summary: "ingress-nginx gets no more security updates",
    explain: "\
The last release of ingress-nginx (chart 4.15.1, controller 1.15.1) is from 2026-03-19. The repository \
was archived on 2026-03-24 with \"no further releases, no bugfixes, no security updates\". Its image \
contains NGINX 1.27.1, which has vulnerabilities that were published later, such as CVE-2026-42945 (a \
heap overflow in the rewrite module). And it receives all requests from the Internet.

Set `controller = \"traefik\"`. Traefik's provider for ingress-nginx reads the same class `nginx` and \
the same annotations, so Ingress objects do not change. `whitelist-source-range` judges the visitor's \
address, as with ingress-nginx. `limit-rps`, `limit-rpm` and `limit-connections` differ: behind the tunnel, \
Traefik counts all visitors as one, because its provider has no setting for them. Remove these annotations, \
and limit rates at Cloudflare. The header `X-Real-Ip` has the address of cloudflared's pod: apps read \
`X-Forwarded-For` or `Cf-Connecting-Ip` instead. If you keep ingress-nginx, let only trusted \
users write Ingress objects, do not use `?` together with `$1` in `rewrite-target`, and redirect to or from \
`www.` at Cloudflare: `from-to-www-redirect` would lead to `https://HOST:80/`.

Sources: README of kubernetes/ingress-nginx; Traefik, \"Kubernetes Ingress NGINX provider\".",
    scope: Scope::Whole,
    check,
};

fn check(topology: &Topology, findings: &mut Findings) {
    let retired = topology.versions.ingress_nginx.retired.as_ref();
    let is_used = topology.ingress.controller == IngressController::IngressNginx;
    let Some(retired) = retired.filter(|_| is_used) else { return };
    let message =
        format!("ingress-nginx is retired since {} and gets no security updates", retired.day);
    let label = "`ingress.controller` is `ingress-nginx`";
    let finding = Finding::new(message, &topology.ingress.origin.key("controller"), label);
    findings.push(
        finding.help("set `ingress.controller = \"traefik\"`: it serves the same Ingress objects"),
    );
}
