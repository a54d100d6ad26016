//! Refuses a route reflector that is not a node of the topology.

use crate::check::{Findings, Rule, Scope, Theme};
use crate::diagnostic::Severity;
use crate::rules::topology::node_names::{nodes_by_name, unknown_node};
use crate::topology::Topology;

pub(super) const RULE: Rule<Topology> = Rule {
    code: "route-reflector-unknown",
    severity: Severity::Error,
    theme: Theme::PodNetwork,
    summary: "`calico.route_reflectors` names a node that does not exist",
    explain: "\
With route reflectors, the full BGP mesh is off, and each node learns the routes to pods only from the \
reflectors. A reflector that does not exist means one session less. If it is the only one, no node \
learns any route.

Write the names of at least two nodes, so that one of them may fail.

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
