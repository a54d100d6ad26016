//! Routes survive the loss of one reflector.

use std::collections::BTreeSet;

use crate::check::{Findings, Rule, Scope, Theme};
use crate::diagnostic::{Finding, Severity};
use crate::topology::Topology;

pub(super) const RULE: Rule<Topology> = Rule {
    code: "route-reflector-single",
    severity: Severity::Warning,
    theme: Theme::PodNetwork,
    summary: "there is one route reflector alone",
    explain: "\
With route reflectors the nodes have no BGP sessions among each other: each learns the ways to all pods \
from the reflectors. If the only one restarts, BIRD keeps its routes for two minutes at the most \
(graceful restart), and then no pod reaches one on another node.

Name two or three, on different providers; or none: up to about 100 nodes a full mesh is simpler.

Sources: Calico, \"Configure BGP peering\"; RFC 4456; RFC 4724.",
    scope: Scope::Whole,
    check,
};

fn check(topology: &Topology, findings: &mut Findings) {
    let reflectors: BTreeSet<_> = topology.calico.route_reflectors.iter().collect();
    let Some(only) = reflectors.first().filter(|_| reflectors.len() == 1) else { return };
    // Of one that is no node, `route-reflector-unknown` speaks.
    if topology.node(only).is_none() {
        return;
    }
    let message = format!("`{only}` is the only route reflector");
    let at = topology.calico.origin.key("route_reflectors");
    let finding = Finding::new(message, &at, "without it no node learns a route");
    findings.push(finding.help("name a second one, or leave `route_reflectors` out"));
}
