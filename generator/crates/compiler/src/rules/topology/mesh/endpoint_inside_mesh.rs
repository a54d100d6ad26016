//! Refuses an endpoint that is an address of the node, pod or Service subnet.

use crate::check::{Findings, Rule, Scope, Theme};
use crate::diagnostic::{Finding, Severity};
use crate::topology::{Topology, WrittenEndpoint};
use meshwright_value::{Endpoint, Host, Subnet};

pub(super) const RULE: Rule<Topology> = Rule {
    code: "endpoint-inside-mesh",
    severity: Severity::Error,
    theme: Theme::Mesh,
    summary: "an endpoint is an address inside the mesh",
    explain: "\
WireGuard sends its encrypted packets to an endpoint, over the Internet or a LAN. An address of the \
node, pod or Service subnet is reached only through the tunnel. The handshake that should open the \
tunnel would be sent into this same tunnel: it never completes, and no program reports an error.

Write the address that the machine has on the Internet, or its LAN address as `lan_endpoint`. The mesh \
address of a node follows from its `id`; to choose another one, set `address`.

Source: wg(8), \"endpoint\"; wireguard.com, \"Routing & Network Namespace Integration\".",
    scope: Scope::Present,
    check,
};

fn check(topology: &Topology, findings: &mut Findings) {
    for written in topology.endpoints() {
        if let Some(around) = subnet_around(written.endpoint, topology) {
            findings.push(finding(&written, around, topology));
        }
    }
}

/// The cluster's subnet that contains an endpoint, with its key.
pub(super) fn subnet_around(
    endpoint: &Endpoint,
    topology: &Topology,
) -> Option<(&'static str, Subnet)> {
    let Host::V4(address) = endpoint.host() else { return None };
    let network = &topology.network;
    let subnets = [
        ("node_subnet", network.node_subnet),
        ("pod_subnet", network.pod_subnet),
        ("service_subnet", network.service_subnet),
    ];
    subnets.into_iter().find(|(_, subnet)| subnet.contains_address(*address))
}

fn finding(
    WrittenEndpoint { owner, key, place, endpoint }: &WrittenEndpoint<'_>,
    (subnet_key, subnet): (&'static str, Subnet),
    topology: &Topology,
) -> Finding {
    let message = format!("the {key} {} of `{}` is inside the mesh", endpoint.host(), owner);
    let label = format!("reached only through the tunnel, since it is in {subnet}");
    Finding::new(message, place, label)
        .and(
            &topology.network.origin.key(subnet_key),
            format!("`network.{subnet_key}` is {subnet}"),
        )
        .help("write the address that the machine has outside of the mesh")
}
