//! WireGuard's own packets travel outside of the mesh.

use crate::check::{Findings, Rule, Scope, Theme};
use crate::diagnostic::{Finding, Severity};
use crate::topology::{Node, Topology};
use meshwright_value::{Endpoint, Host, Subnet};

pub(super) const RULE: Rule<Topology> = Rule {
    code: "endpoint-inside-mesh",
    severity: Severity::Error,
    theme: Theme::Mesh,
    summary: "an endpoint is an address of the mesh itself",
    explain: "\
An endpoint is where WireGuard's encrypted packets go, over the Internet or a LAN. An address of the \
node, pod or Service subnet is reached through the tunnel that the endpoint is to open: the handshake \
would be sent into the tunnel it is for. No handshake takes place, and nothing reports it.

Write the address that the machine has on the Internet, or in its LAN as `lan_endpoint`. A node's mesh \
address follows from its `id`; where it has to be another one, that is `address`.

Source: wg(8), \"endpoint\"; wireguard.com, \"Routing & Network Namespace Integration\".",
    scope: Scope::Present,
    check,
};

fn check(topology: &Topology, findings: &mut Findings) {
    for node in &topology.nodes {
        let endpoints = [("endpoint", &node.endpoint), ("lan_endpoint", &node.lan_endpoint)];
        for (key, endpoint) in endpoints {
            let Some(endpoint) = endpoint else { continue };
            if let Some((subnet_key, subnet)) = subnet_around(endpoint, topology) {
                findings.push(finding(node, key, endpoint, subnet_key, subnet, topology));
            }
        }
    }
}

/// The key and value of the cluster's subnet that an endpoint lies in.
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
    node: &Node,
    key: &'static str,
    endpoint: &Endpoint,
    subnet_key: &'static str,
    subnet: Subnet,
    topology: &Topology,
) -> Finding {
    let message = format!("the {key} {} of `{}` is inside the mesh", endpoint.host(), node.name);
    let label = format!("reached only through the tunnel, since it is in {subnet}");
    Finding::new(message, &node.origin.key(key), label)
        .and(
            &topology.network.origin.key(subnet_key),
            format!("`network.{subnet_key}` is {subnet}"),
        )
        .help("write the address that the machine has outside of the mesh")
}
