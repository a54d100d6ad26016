//! Refuses a network behind a machine that contains an endpoint.

use crate::check::{Findings, Rule, Scope, Theme};
use crate::derive::private::is_private;
use crate::derive::routed_network::{is_inside, site_of};
use crate::diagnostic::{Finding, Severity};
use crate::topology::{RoutedNetwork, Topology, WrittenEndpoint};

pub(super) const RULE: Rule<Topology> = Rule {
    code: "network-endpoint-inside",
    severity: Severity::Error,
    theme: Theme::Mesh,
    summary: "a network behind a machine contains an endpoint",
    explain: "\
Every node routes the subnet of a network into the mesh. WireGuard sends its encrypted packets to an endpoint \
by the same routes: an endpoint in this subnet would be reached only through the tunnel that it should open. \
The handshake never completes, and no program reports an error.

A `lan_endpoint` in the network is right for the nodes of the site of `via`: they reach the network directly. \
Give the other nodes of this LAN the same `site`, or write a part of the network without the endpoint.

Source: wireguard.com, \"Routing & Network Namespace Integration\".",
    scope: Scope::Present,
    check,
};

fn check(topology: &Topology, findings: &mut Findings) {
    // `network-not-private` reports the others.
    for network in topology.networks.iter().filter(|network| is_private(network.subnet)) {
        let called = called_from_outside(topology, network);
        let inside = called.into_iter().filter(|one| is_inside(one.endpoint, network.subnet));
        findings.extend(inside.map(|one| finding(network, &one)));
    }
}

/// The endpoints that nodes outside of the network call: all but those of its own LAN.
fn called_from_outside<'topology>(
    topology: &'topology Topology,
    network: &RoutedNetwork,
) -> Vec<WrittenEndpoint<'topology>> {
    let own = site_of(topology, network);
    let others = topology.nodes.iter().filter(|node| own.is_none() || node.site.as_ref() != own);
    let in_lans = others.flat_map(|node| node.lan_endpoint());
    topology.public_endpoints().chain(in_lans).collect()
}

fn finding(network: &RoutedNetwork, written: &WrittenEndpoint<'_>) -> Finding {
    let WrittenEndpoint { owner, key, place, endpoint } = written;
    let message =
        format!("the {key} {} of `{owner}` is in the network `{}`", endpoint.host(), network.name);
    Finding::new(message, place, "would be reached only through the tunnel")
        .and(&network.origin.key("subnet"), "routed into the mesh")
        .help(format!("give `{owner}` the site of `{}`, or write a smaller `subnet`", network.via))
}
