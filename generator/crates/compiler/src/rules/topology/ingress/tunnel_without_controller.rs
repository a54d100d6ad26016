//! Refuses a tunnel in a cluster without an Ingress controller.

use crate::check::{Findings, Rule, Scope, Theme};
use crate::diagnostic::{Finding, Severity};
use crate::topology::Topology;
use meshwright_value::IngressController;

pub(super) const RULE: Rule<Topology> = Rule {
    code: "tunnel-without-controller",
    severity: Severity::Error,
    theme: Theme::Ingress,
    summary: "the tunnel has no Ingress controller for its requests",
    explain: "\
cloudflared sends each request to the Ingress controller, which finds the app by its Ingress. With `controller = \
\"none\"` there is no such Service, and a NetworkPolicy that lets cloudflared reach nothing but the controller: every \
public name would answer 502.

Choose `traefik` or `ingress-nginx`. Or remove `[cloudflare_tunnel]`, and bring requests to your own controller in \
your own way: a tunnel of your own in `overlays/`, or a port of the host with `open_ports`.",
    scope: Scope::Present,
    check,
};

fn check(topology: &Topology, findings: &mut Findings) {
    let Some(tunnel) = &topology.cloudflare_tunnel else { return };
    if topology.ingress.controller != IngressController::Absent {
        return;
    }
    let message =
        "`cloudflare_tunnel` needs an Ingress controller, and `ingress.controller` is `none`";
    let finding =
        Finding::new(message.to_owned(), &tunnel.origin.key("hostnames"), "no destination")
            .and(&topology.ingress.origin.key("controller"), "no controller")
            .help("set `ingress.controller = \"traefik\"`, or remove `[cloudflare_tunnel]`");
    findings.push(finding);
}
