//! Warns when an endpoint is a DNS name.

use crate::check::{Findings, Rule, Scope, Theme};
use crate::derive::private::private_domain;
use crate::diagnostic::{Finding, Severity};
use crate::topology::{Topology, WrittenEndpoint};
use meshwright_value::Host;

pub(super) const RULE: Rule<Topology> = Rule {
    code: "endpoint-is-name",
    severity: Severity::Warning,
    theme: Theme::Mesh,
    summary: "an endpoint is a DNS name",
    explain: "\
WireGuard resolves a name once, when the peer is set. On Debian and Ubuntu, `wg-quick@` would wait \
without limit for a name that cannot be resolved, and kubelet would wait with it. So Meshwright does \
not write names into wg0.conf: they are in `wg0.endpoints`, they are set after the interface is up, and \
a timer resolves them again. This has a cost. Peers cannot find the node until DNS answers, and for up \
to one interval of the timer after its address changed. And the owner of the name can stop the mesh, \
but not read its traffic.

If the address does not change, write the address. If the address changes, a name is right: accept the \
warning.

Sources: systemd unit `wg-quick@.service` (`WG_ENDPOINT_RESOLUTION_RETRIES`); wg-quick(8).",
    scope: Scope::Present,
    check,
};

fn check(topology: &Topology, findings: &mut Findings) {
    for WrittenEndpoint { owner, place, endpoint, .. } in topology.public_endpoints() {
        let Host::Name(name) = endpoint.host() else { continue };
        // A name that public DNS does not have is worse: `endpoint-name-private` reports it.
        if private_domain(name.as_str()).is_some() {
            continue;
        }
        let message = format!("the endpoint of `{}` is the name `{name}`", owner);
        let finding = Finding::new(message, &place, "every peer has to resolve it");
        findings.push(finding.help("write the address if it does not change"));
    }
}
