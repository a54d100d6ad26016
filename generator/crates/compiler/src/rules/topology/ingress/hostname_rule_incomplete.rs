//! Refuses keys of a hostname's rule that need another one, or that exclude one.

use crate::check::{Findings, Rule, Scope, Theme};
use crate::diagnostic::{Finding, Severity};
use crate::topology::{HostnameRule, Topology};
use meshwright_value::OriginScheme;

pub(super) const RULE: Rule<Topology> = Rule {
    code: "hostname-rule-incomplete",
    severity: Severity::Error,
    theme: Theme::Ingress,
    summary: "a rule of the tunnel has a key without the one that it needs",
    explain: "\
cloudflared may connect to the Ingress controller and to nothing else of the cluster: a NetworkPolicy admits no more, so \
that a stolen credential of the tunnel opens no other door. A rule with a `service` of its own therefore names the \
pods behind it by their labels and their port, and the policy admits exactly these. A NetworkPolicy sees a packet after \
the Service's address is translated to a pod, so the port is the one on which the pods listen.

    [[cloudflare_tunnel.rules]]
    hostname = \"git.example.com\"
    service = \"ssh://gitea-ssh.gitea:22\"
    pod_labels = { \"app.kubernetes.io/name\" = \"gitea\" }
    pod_port = 2222

`pod_labels`, `pod_port` and `http_host_header` belong to a `service`: requests for the Ingress controller already \
have the hostname as their Host header. `origin_server_name`, `no_tls_verify`, `tls_timeout` and `http2_origin` change \
something for an `https` service only, and `access` for HTTP: cloudflared reads the token of Access from a header.

Source: cloudflared, ingress/ingress.go and ingress/middleware/jwtvalidator.go; networking.k8s.io/v1.",
    scope: Scope::Present,
    check,
};

fn check(topology: &Topology, findings: &mut Findings) {
    let rules = topology.cloudflare_tunnel.iter().flat_map(|tunnel| &tunnel.rules);
    for rule in rules {
        check_pods(rule, findings);
        check_scheme(rule, findings);
        check_access(rule, findings);
    }
}

/// `service`, `pod_labels` and `pod_port` belong together.
fn check_pods(rule: &HostnameRule, findings: &mut Findings) {
    let hostname = &rule.hostname;
    let needed =
        [("pod_labels", !rule.pod_labels.is_empty()), ("pod_port", rule.pod_port.is_some())];
    let Some(service) = &rule.service else {
        let without_effect =
            needed.into_iter().chain([("http_host_header", rule.http_host_header.is_some())]);
        for (key, _) in without_effect.filter(|(_, is_set)| *is_set) {
            let message = format!("`{key}` of the rule for `{hostname}` needs `service`");
            let finding =
                Finding::new(message, &rule.origin.key(key), "for the Ingress controller");
            findings.push(finding.help(format!("add `service`, or remove `{key}`")));
        }
        return;
    };
    for (key, _) in needed.into_iter().filter(|(_, is_set)| !is_set) {
        let message = format!("the rule for `{hostname}` has a `service` without `{key}`");
        let finding = Finding::new(message, &rule.origin.key("service"), format!("`{service}`"));
        findings.push(
            finding.help(format!("add `{key}`: a NetworkPolicy admits cloudflared to these pods")),
        );
    }
}

/// Settings of TLS are for `https`.
fn check_scheme(rule: &HostnameRule, findings: &mut Findings) {
    let scheme = rule.service.as_ref().map_or(OriginScheme::Http, |service| service.scheme());
    if scheme == OriginScheme::Https {
        return;
    }
    let of_tls = [
        ("origin_server_name", rule.origin_server_name.is_some()),
        ("no_tls_verify", rule.no_tls_verify),
        ("tls_timeout", rule.tls_timeout.is_some()),
        ("http2_origin", rule.http2_origin),
    ];
    for (key, _) in of_tls.into_iter().filter(|(_, is_set)| *is_set) {
        let message = format!("`{key}` of the rule for `{}` has no effect", rule.hostname);
        let finding = Finding::new(
            message,
            &rule.origin.key(key),
            format!("the origin is called by `{scheme}`"),
        );
        findings.push(finding.help(format!("use a `service` with `https://`, or remove `{key}`")));
    }
}

/// Access is a header of HTTP, and needs at least one application.
fn check_access(rule: &HostnameRule, findings: &mut Findings) {
    let Some(access) = &rule.access else { return };
    if let Some(service) = rule.service.as_ref().filter(|service| !service.scheme().is_http()) {
        let message = format!("`access` of the rule for `{}` has no effect", rule.hostname);
        let finding = Finding::new(message, &rule.origin.key("access"), "a header of HTTP")
            .and(&rule.origin.key("service"), format!("called by `{}`", service.scheme()));
        findings.push(
            finding.help("remove `access`: Access itself protects such a hostname at the edge"),
        );
    }
    if access.aud_tags.is_empty() {
        let message = format!("`access` of the rule for `{}` has no application", rule.hostname);
        let finding = Finding::new(message, &access.origin.key("aud_tags"), "empty");
        findings.push(finding.help("write the AUD tag of each application that admits requests"));
    }
}
