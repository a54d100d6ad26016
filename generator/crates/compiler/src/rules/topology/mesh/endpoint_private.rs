//! Warns when `endpoint` is a private address.

use super::endpoint_inside_mesh::subnet_around;
use crate::check::{Findings, Rule, Scope, Theme};
use crate::derive::private::is_private;
use crate::diagnostic::{Finding, Severity};
use crate::topology::{Topology, WrittenEndpoint};
use meshwright_value::{Host, Subnet};

pub(super) const RULE: Rule<Topology> = Rule {
    code: "endpoint-private",
    severity: Severity::Warning,
    theme: Theme::Mesh,
    summary: "an `endpoint` is a private address",
    explain: "\
Every node and client connects to an `endpoint`. A private address is valid in one network only (RFC \
1918, the shared 100.64.0.0/10 of RFC 6598, IPv6 unique local addresses of RFC 4193). From any other \
network it leads to another machine or to none: these peers never complete a handshake, and no program \
reports an error. A node with an `endpoint` also counts as public, so it may be chosen as a relay or as \
a client's `via`.

If the address is in a LAN, give the nodes of that LAN the same `site`, and write the address as \
`lan_endpoint`. If the node cannot be reached from outside, leave `endpoint` out. On a cloud that \
translates addresses, write the public address. If all nodes and clients share one private network, \
accept the warning.

Sources: RFC 1918 §3; RFC 6598 §7; RFC 4193 §3.",
    scope: Scope::Present,
    check,
};

fn check(topology: &Topology, findings: &mut Findings) {
    // An address inside the mesh is always an error: `endpoint-inside-mesh` reports it.
    let is_private = |written: &WrittenEndpoint<'_>| {
        is_unreachable(written.endpoint.host())
            && subnet_around(written.endpoint, topology).is_none()
    };
    for written in topology.public_endpoints().filter(is_private) {
        let host = written.endpoint.host();
        let message = format!("the endpoint {host} of `{}` is private", written.owner);
        let label = "cannot be reached from another network";
        let help = "if it is a LAN address, write it as `lan_endpoint`, and add a `site`";
        findings.push(Finding::new(message, &written.place, label).help(help));
    }
}

/// Whether no host on the Internet can connect to it. Names are not judged.
fn is_unreachable(host: &Host) -> bool {
    match host {
        Host::V4(address) => is_private(Subnet::new((*address).into())),
        Host::V6(address) => address.is_unique_local(),
        Host::Name(_) => false,
    }
}
