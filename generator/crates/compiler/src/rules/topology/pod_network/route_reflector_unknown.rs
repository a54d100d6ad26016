//! A route reflector is a node.

use crate::check::{Findings, Rule, Scope, Theme};
use crate::diagnostic::Severity;
use crate::rules::topology::node_names::{nodes_by_name, unknown_node};
use crate::topology::Topology;

pub(super) const RULE: Rule<Topology> = Rule {
    code: "route-reflector-unknown",
    severity: Severity::Error,
    theme: Theme::PodNetwork,
    summary: "`calico.route_reflectors` names no node",
    explain: "\
With route reflectors the full BGP mesh is switched off, and each node learns the pod routes from the \
reflectors alone. One that does not exist is one session less; if it is the only one, no node learns any \
route.

Write names of nodes, two at least, so that one can go away.

Source: Calico, \"Configure BGP peering\", \"Configure a node to act as a route reflector\".",
    scope: Scope::Tables(&["calico", "nodes"]),
    check,
};

fn check(topology: &Topology, findings: &mut Findings) {
    let nodes = nodes_by_name(topology);
    let at = topology.calico.origin.key("route_reflectors");
    for (index, name) in topology.calico.route_reflectors.iter().enumerate() {
        if !nodes.contains_key(name) {
            findings.push(unknown_node("route_reflectors", name, &at.index(index), topology));
        }
    }
}
