//! A public endpoint is public.

use super::endpoint_inside_mesh::subnet_around;
use crate::check::{Findings, Rule, Scope, Theme};
use crate::derive::private::is_private;
use crate::diagnostic::{Finding, Severity};
use crate::topology::Topology;
use meshwright_value::{Host, Subnet};

pub(super) const RULE: Rule<Topology> = Rule {
    code: "endpoint-private",
    severity: Severity::Warning,
    theme: Theme::Mesh,
    summary: "an `endpoint` is a private address",
    explain: "\
Every node and client calls an `endpoint`. A private address (RFC 1918, the carriers' 100.64.0.0/10 of \
RFC 6598, IPv6 unique local addresses of RFC 4193) leads somewhere else, or nowhere, from any other \
network: those peers never get a handshake, without an error. A node counts as public too, so it may be \
taken for a relay or a client's `via`.

In one LAN, give both nodes the same `site` and write the address as `lan_endpoint`; leave `endpoint` \
out where nobody outside can call. On a cloud that translates addresses write the public one. Where all \
machines and clients share one private network, accept the warning.

Sources: RFC 1918 §3; RFC 6598 §7; RFC 4193 §3.",
    scope: Scope::Present,
    check,
};

fn check(topology: &Topology, findings: &mut Findings) {
    for node in &topology.nodes {
        let endpoint = node.endpoint.as_ref().filter(|endpoint| is_unreachable(endpoint.host()));
        // An address of the mesh is never right: `endpoint-inside-mesh` says so.
        let outside = endpoint.filter(|endpoint| subnet_around(endpoint, topology).is_none());
        let Some(endpoint) = outside else { continue };
        let message = format!("the endpoint {} of `{}` is private", endpoint.host(), node.name);
        let label = "cannot be called from another network";
        let finding = Finding::new(message, &node.origin.key("endpoint"), label);
        findings.push(finding.help("is this a `lan_endpoint`? If so, give the node a `site` too"));
    }
}

/// Whether no host of the Internet can call it. Nothing is known of names.
fn is_unreachable(host: &Host) -> bool {
    match host {
        Host::V4(address) => is_private(Subnet::new((*address).into())),
        Host::V6(address) => address.is_unique_local(),
        Host::Name(_) => false,
    }
}
