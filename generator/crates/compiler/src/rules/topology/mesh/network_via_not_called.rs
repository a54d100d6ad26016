//! Refuses `via` of a network when it names a client without an endpoint.

use crate::check::{Findings, Rule, Scope, Theme};
use crate::diagnostic::{Finding, Severity};
use crate::topology::Topology;

pub(super) const RULE: Rule<Topology> = Rule {
    code: "network-via-not-called",
    severity: Severity::Error,
    theme: Theme::Mesh,
    summary: "`via` of a network names a client without an `endpoint`",
    explain: "\
Every node sends packets for a network to its `via`. A client without an `endpoint`, such as a laptop, has \
tunnels to public nodes only, the firewall of every node keeps pods away from it, and it is often off: the \
network would be reached by some nodes, and by no pod.

Name a node that is in the network; behind NAT is sufficient, because all nodes reach it through the mesh. \
Or give the client an `endpoint`: then it is a server, which nodes and pods call.",
    scope: Scope::Tables(&["clients"]),
    check,
};

fn check(topology: &Topology, findings: &mut Findings) {
    for network in &topology.networks {
        let called = topology.clients.iter().find(|client| client.name == network.via);
        let Some(client) = called.filter(|client| client.endpoint.is_none()) else { continue };
        let message = format!(
            "the network `{}` is behind the client `{}`, which has no `endpoint`",
            network.name, client.name
        );
        let finding =
            Finding::new(message, &network.origin.key("via"), "a client that is not called")
                .and(&client.origin.key("name"), "has no `endpoint`");
        findings.push(finding.help("name a node, or give the client an `endpoint`"));
    }
}
