//! Warns when there is only one route reflector.

use std::collections::BTreeSet;

use crate::check::{Findings, Rule, Scope, Theme};
use crate::diagnostic::{Finding, Severity};
use crate::topology::Topology;

pub(super) const RULE: Rule<Topology> = Rule {
    code: "route-reflector-single",
    severity: Severity::Warning,
    theme: Theme::PodNetwork,
    summary: "there is only one route reflector",
    explain: "\
With route reflectors, the nodes have no BGP sessions with each other: each node learns the routes to \
all pods from the reflectors. If the only reflector stops, BIRD keeps its routes for at most two \
minutes (graceful restart). After that, no pod reaches a pod on another node.

Name two or three nodes at different providers, or none: up to about 100 nodes, a full mesh is simpler.

Sources: Calico, \"Configure BGP peering\"; RFC 4456; RFC 4724.",
    scope: Scope::Whole,
    check,
};

fn check(topology: &Topology, findings: &mut Findings) {
    let reflectors: BTreeSet<_> = topology.calico.route_reflectors.iter().collect();
    let Some(only) = reflectors.first().filter(|_| reflectors.len() == 1) else { return };
    // `route-reflector-unknown` reports a name that no node has.
    if topology.node(only).is_none() {
        return;
    }
    let message = format!("`{only}` is the only route reflector");
    let at = topology.calico.origin.key("route_reflectors");
    let finding = Finding::new(message, &at, "without it no node learns a route");
    findings.push(finding.help("name a second one, or leave `route_reflectors` out"));
}
