//! Refuses an endpoint that is a name in `/etc/hosts` of every node.

use crate::check::{Findings, Rule, Scope, Theme};
use crate::diagnostic::{Finding, Severity};
use crate::route::Route;
use crate::topology::Topology;
use meshwright_value::{ApiEndpoint, Host};

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
    let api = &topology.control_plane.endpoint;
    let default_api = ApiEndpoint::default_for(&topology.cluster.name);
    let api_name = api.as_ref().unwrap_or(&default_api).name();
    for node in &topology.nodes {
        let endpoints = [("endpoint", &node.endpoint), ("lan_endpoint", &node.lan_endpoint)];
        for (key, endpoint) in endpoints {
            let Some(Host::Name(name)) = endpoint.as_ref().map(|endpoint| endpoint.host()) else {
                continue;
            };
            let is_node = |other: &&crate::topology::Node| other.name.as_str() == name.as_str();
            let taken: (&str, Route) = if name == api_name {
                let cluster = topology.cluster.origin.key("name");
                let declared = topology.control_plane.origin.key("endpoint");
                ("the API's name", if api.is_some() { declared } else { cluster })
            } else if let Some(other) = topology.nodes.iter().find(is_node) {
                ("the name of a node", other.origin.key("name"))
            } else {
                continue;
            };
            let (owner, place) = taken;
            let message = format!("the {key} `{name}` of `{}` is {owner}", node.name);
            let label = "`/etc/hosts` maps it to a mesh address";
            let finding = Finding::new(message, &node.origin.key(key), label)
                .and(&place, format!("{owner} comes from here"));
            findings.push(finding.help("write the public address, or another name"));
        }
    }
}
