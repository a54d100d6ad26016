//! Refuses `hello.hostname` when the tunnel does not serve it.

use crate::check::{Findings, Rule, Scope, Theme};
use crate::diagnostic::wording::suggestion;
use crate::diagnostic::{Finding, Severity};
use crate::topology::public_name::public_names;
use crate::topology::{CloudflareTunnel, Hello, Topology};

pub(super) const RULE: Rule<Topology> = Rule {
    code: "hello-hostname-unknown",
    severity: Severity::Error,
    theme: Theme::Ingress,
    summary: "the tunnel does not serve `hello.hostname`",
    explain: "\
The echo app shows that a request passes Cloudflare's edge, the tunnel and the Ingress controller. \
cloudflared answers 404 to a hostname that matches none of its rules. So with a hostname that the \
tunnel does not serve, the test would fail although everything works.

Write one of `cloudflare_tunnel.hostnames`, or a name below one of its wildcards: `*.example.com` \
matches every name below `example.com`, but not `example.com` itself. The name of a rule with a `service` of its own \
does not reach the echo app.

Source: cloudflared, `Rule.Matches` in ingress/rule.go.",
    scope: Scope::Tables(&["cloudflare_tunnel", "hello"]),
    check,
};

fn check(topology: &Topology, findings: &mut Findings) {
    let Some(hello) = &topology.hello else { return };
    match &topology.cloudflare_tunnel {
        None => findings.push(without_tunnel(hello)),
        Some(tunnel) if reaches_controller(hello, tunnel) => {}
        Some(tunnel) => findings.push(unknown(hello, tunnel)),
    }
}

/// cloudflared takes the rule of the whole name before that of a wildcard.
fn reaches_controller(hello: &Hello, tunnel: &CloudflareTunnel) -> bool {
    let mut whole = public_names(tunnel).filter(|name| name.hostname == &hello.hostname);
    match whole.next() {
        Some(name) => name.to_controller,
        None => {
            let mut names = public_names(tunnel).filter(|name| name.to_controller);
            names.any(|name| name.hostname.covers(&hello.hostname))
        }
    }
}

fn without_tunnel(hello: &Hello) -> Finding {
    let message = format!("there is no tunnel for the hostname `{}`", hello.hostname);
    Finding::new(message, &hello.origin.key("hostname"), "served only through a tunnel")
        .help("add `[cloudflare_tunnel]`, or remove `[hello]`")
}

fn unknown(hello: &Hello, tunnel: &CloudflareTunnel) -> Finding {
    let names = public_names(tunnel).filter(|name| name.to_controller);
    let known: Vec<_> = names.map(|name| name.hostname.as_str()).collect();
    let message = format!("`{}` is not a hostname of the tunnel", hello.hostname);
    Finding::new(message, &hello.origin.key("hostname"), "the tunnel does not serve it")
        .and(&tunnel.origin.key("hostnames"), "the tunnel serves these")
        .help(suggestion(hello.hostname.as_str(), &known))
}
