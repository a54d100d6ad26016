//! Warns when two nodes of different sites have endpoints at one address.

use crate::check::{Findings, Rule, Scope, Theme};
use crate::derive::listen_port::listen_port;
use crate::derive::location::Location;
use crate::diagnostic::{Finding, Severity};
use crate::topology::member::duplicates;
use crate::topology::{Node, Topology};

pub(super) const RULE: Rule<Topology> = Rule {
    code: "endpoint-address-shared",
    severity: Severity::Warning,
    theme: Theme::Mesh,
    summary: "two nodes share a public address, and have no common site",
    explain: "\
Two endpoints with one host and two ports are two machines behind one router, which forwards a port to \
each. Peers elsewhere reach both. But the two machines call each other at the router's public address \
from inside: this works only if the router translates such packets back (hairpin NAT, NAT loopback). Many \
routers do not, and then this one pair has no handshake.

Give both nodes the same `site`, and write the LAN address of at least one as `lan_endpoint`. If the \
router translates packets from inside, accept the warning.

Source: RFC 4787 §6 (hairpinning).",
    scope: Scope::Present,
    check,
};

fn check(topology: &Topology, findings: &mut Findings) {
    let public = topology.nodes.iter().filter_map(|node| {
        let endpoint = node.endpoint.as_ref()?;
        Some((endpoint.host(), node))
    });
    for (later, first) in duplicates(public) {
        // The same port is an error: `endpoint-duplicate` reports it.
        let meet = Location::from_node(later).meets_in_lan(&Location::from_node(first));
        if port(later, topology) != port(first, topology) && !meet {
            findings.push(finding(later, first));
        }
    }
}

fn port(node: &Node, topology: &Topology) -> Option<u16> {
    let endpoint = node.endpoint.as_ref()?;
    Some(endpoint.port().unwrap_or_else(|| listen_port(topology, node)).get())
}

fn finding(later: &Node, first: &Node) -> Finding {
    let message = format!("`{}` and `{}` share a public address", first.name, later.name);
    let label = "reached from inside only if the router translates";
    Finding::new(message, &later.origin.key("endpoint"), label)
        .and(&first.origin.key("endpoint"), "the same address")
        .help("give both the same `site`, and one of them a `lan_endpoint`")
}
