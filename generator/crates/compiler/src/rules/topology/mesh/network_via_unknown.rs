//! Refuses `via` of a network when no node or client has this name.

use crate::check::{Findings, Rule, Scope, Theme};
use crate::diagnostic::wording::suggestion;
use crate::diagnostic::{Finding, Severity};
use crate::topology::Topology;
use crate::topology::member::members;

pub(super) const RULE: Rule<Topology> = Rule {
    code: "network-via-unknown",
    severity: Severity::Error,
    theme: Theme::Mesh,
    summary: "`via` of a network names a machine that does not exist",
    explain: "\
The `via` of a network is the machine in it that forwards packets from the mesh: the AllowedIPs of its peer \
have the network's subnet, and its firewall gives the packets its own address there. If no machine has this \
name, no peer has the subnet, and WireGuard refuses the packets (`Required key not available`).

Write the name of a node, or of a client that has an `endpoint`.

Source: wg(8), AllowedIPs.",
    scope: Scope::Tables(&["clients", "nodes"]),
    check,
};

fn check(topology: &Topology, findings: &mut Findings) {
    let known: Vec<_> = members(topology).map(|member| member.name.as_str()).collect();
    let unknown = topology.networks.iter().filter(|network| !known.contains(&network.via.as_str()));
    findings.extend(unknown.map(|network| {
        let message = format!("`via` names `{}`, which is not a node or a client", network.via);
        Finding::new(message, &network.origin.key("via"), "no machine has this name")
            .help(suggestion(network.via.as_str(), &known))
    }));
}
