//! Warns when an endpoint is a DNS name that public DNS does not have.

use crate::check::{Findings, Rule, Scope, Theme};
use crate::derive::private::private_domain;
use crate::diagnostic::{Finding, Severity};
use crate::topology::{Topology, WrittenEndpoint};
use meshwright_value::Host;

pub(super) const RULE: Rule<Topology> = Rule {
    code: "endpoint-name-private",
    severity: Severity::Warning,
    theme: Theme::Mesh,
    summary: "an endpoint is a name that public DNS does not have",
    explain: "\
Every node and client resolves the name of an `endpoint` at its own resolver, which is that of its \
cloud or provider. These resolvers do not know a name without a dot, or a name below `.local`, `.lan`, \
`.internal`, `.home.arpa` and similar domains: such a name is valid in one network only. Peers \
elsewhere find no address and never send a handshake; `wg show` lists them without an endpoint.

Write the public address, or a name in a registered domain. If the address is in a LAN, write it as \
`lan_endpoint`. If all nodes and clients share a resolver that knows the name, accept the warning.

Sources: RFC 6761 and RFC 6762 (special-use names, `.local`); RFC 8375 (`home.arpa`); ICANN, \
`.internal`.",
    scope: Scope::Present,
    check,
};

fn check(topology: &Topology, findings: &mut Findings) {
    for WrittenEndpoint { owner, place, endpoint, .. } in topology.public_endpoints() {
        let Host::Name(name) = endpoint.host() else { continue };
        let Some(domain) = private_domain(name.as_str()) else { continue };
        let message = format!("public DNS has no name `{name}`, the endpoint of `{}`", owner);
        let label = match domain {
            "" => "a name without a domain".to_owned(),
            domain => format!("`.{domain}` is valid in one network only"),
        };
        let finding = Finding::new(message, &place, label);
        findings.push(
            finding.help("write an address, or a name that every node and client can resolve"),
        );
    }
}
