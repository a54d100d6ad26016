//! A mapping of a NAT is kept open.

use crate::check::{Findings, Rule, Scope, Theme};
use crate::diagnostic::{Finding, Fix, Severity};
use crate::topology::Topology;

pub(super) const RULE: Rule<Topology> = Rule {
    code: "keepalive-zero-behind-nat",
    severity: Severity::Error,
    theme: Theme::Mesh,
    summary: "keepalives are off, and a node stands behind NAT",
    explain: "\
A router forgets a silent UDP mapping, many after 30 seconds. From then on nobody reaches the node behind \
it until it sends something itself: pods there answer at some times and not at others, and the API server \
loses its kubelet.

Leave `wireguard.persistent_keepalive` out: 25 seconds is what wg(8) calls sensible for a wide variety of \
firewalls, and it also brings a node that was restarted back within a fraction of a second.

Sources: wg(8), \"persistent keepalive\"; RFC 4787 §4.3.",
    scope: Scope::Tables(&["nodes", "wireguard"]),
    check,
};

fn check(topology: &Topology, findings: &mut Findings) {
    let behind_nat = topology.nodes.iter().filter(|node| node.endpoint.is_none());
    let Some(node) = behind_nat.min_by_key(|node| node.id) else { return };
    if topology.wireguard.persistent_keepalive.get() != 0 {
        return;
    }
    let message = format!("keepalives are off, and `{}` stands behind NAT", node.name);
    let at = topology.wireguard.origin.key("persistent_keepalive");
    let finding = Finding::new(message, &at, "0 is off")
        .and(&node.origin.key("name"), "has no `endpoint`: its router forgets it");
    findings.push(finding.fix(Fix::default(&at, "it is then 25")));
}
