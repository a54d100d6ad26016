//! Refuses an endpoint that is a name in `/etc/hosts` of every node.

use std::collections::BTreeMap;

use crate::check::{Findings, Rule, Scope, Theme};
use crate::derive::api_endpoint;
use crate::diagnostic::{Finding, Severity};
use crate::topology::Topology;
use meshwright_value::Host;

pub(super) const RULE: Rule<Topology> = Rule {
    code: "endpoint-name-taken",
    severity: Severity::Error,
    theme: Theme::Mesh,
    summary: "an endpoint is a name that `/etc/hosts` maps to a mesh address",
    explain: "\
`/etc/hosts` of every node maps each node's name and the API's name to addresses in the mesh, and is \
asked before DNS. If an endpoint has such a name, in upper or lower case, WireGuard sends its handshake to \
a mesh address, and so into the tunnel that the handshake should open. It never completes, and no program \
reports an error. Before the first boot the name resolves correctly: the fault appears when the node is \
started again.

Write the public address, or another name in DNS.

Sources: hosts(5); nsswitch.conf(5), `files dns`; RFC 4343 (case).",
    scope: Scope::Present,
    check,
};

fn check(topology: &Topology, findings: &mut Findings) {
    let mut owners: BTreeMap<_, _> = topology
        .nodes
        .iter()
        .map(|node| (node.name.as_str(), ("the name of a node", node.origin.key("name"))))
        .collect();
    let api = api_endpoint::derive(topology);
    let api_origin = match topology.control_plane.endpoint {
        Some(_) => topology.control_plane.origin.key("endpoint"),
        None => topology.cluster.origin.key("name"),
    };
    owners.insert(api.name().as_str(), ("the API's name", api_origin));
    for written in topology.endpoints() {
        let Host::Name(name) = written.endpoint.host() else { continue };
        let Some((owner, place)) = owners.get(name.as_str()) else { continue };
        let message = format!("the {} `{name}` of `{}` is {owner}", written.key, written.owner);
        let label = "`/etc/hosts` maps it to a mesh address";
        let finding = Finding::new(message, &written.place, label)
            .and(place, format!("{owner} comes from here"));
        findings.push(finding.help("write the public address, or another name"));
    }
}
