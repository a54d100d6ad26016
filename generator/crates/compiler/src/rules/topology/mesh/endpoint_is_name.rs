//! An endpoint is an address, where it can be one.

use crate::check::{Findings, Rule, Scope, Theme};
use crate::derive::private::private_domain;
use crate::diagnostic::{Finding, Severity};
use crate::topology::Topology;
use meshwright_value::Host;

pub(super) const RULE: Rule<Topology> = Rule {
    code: "endpoint-is-name",
    severity: Severity::Warning,
    theme: Theme::Mesh,
    summary: "an endpoint is a DNS name, which every peer has to look up",
    explain: "\
WireGuard looks a name up once, when the peer is set. `wg-quick@` of Debian and Ubuntu would wait for a \
dead name for ever, and kubelet behind it. So Meshwright keeps names out of wg0.conf: they stand in \
`wg0.endpoints`, are set after the interface is up, and a timer looks them up again. That costs what an \
address does not: until DNS answers, and for up to one round of the timer after the address changed, the \
peers do not find the node; and whoever controls the name can stop the mesh (though never read it).

Write the address where it does not change. For a line that changes its address a name is right: accept \
the warning.

Sources: systemd unit `wg-quick@.service` (`WG_ENDPOINT_RESOLUTION_RETRIES`); wg-quick(8).",
    scope: Scope::Present,
    check,
};

fn check(topology: &Topology, findings: &mut Findings) {
    for node in &topology.nodes {
        let Some(Host::Name(name)) = node.endpoint.as_ref().map(|endpoint| endpoint.host()) else {
            continue;
        };
        // One that nobody outside can look up is worse: `endpoint-name-private` says so.
        if private_domain(name.as_str()).is_some() {
            continue;
        }
        let message = format!("the endpoint of `{}` is the name `{name}`", node.name);
        let finding = Finding::new(message, &node.origin.key("endpoint"), "has to be looked up");
        findings.push(finding.help("write the address, if it does not change"));
    }
}
