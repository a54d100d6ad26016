//! Refuses a network behind a machine that overlaps another network of the topology.

use crate::check::{Findings, Rule, Scope, Theme};
use crate::derive::private::is_private;
use crate::derive::routed_network::site_of;
use crate::diagnostic::{Finding, Severity};
use crate::route::Route;
use crate::topology::{RoutedNetwork, Topology};
use meshwright_value::{Subnet, provider};

pub(super) const RULE: Rule<Topology> = Rule {
    code: "network-overlap",
    severity: Severity::Error,
    theme: Theme::Mesh,
    summary: "a network behind a machine overlaps another network",
    explain: "\
Every node routes the subnet of a network to one machine: its `via`. WireGuard gives an address that two \
peers have to the one that was set last, without an error message, so two networks cannot have the same \
addresses. The nodes of another site would lose their own LAN, their router and their resolver if its subnet \
were routed into the mesh. The same is true of addresses that a provider reserves for its services.

The `subnet` of the site of `via` may be the same: its nodes reach the network directly, and get no route to it. \
Renumber one of two LANs, or write only the part that the mesh needs, such as a single address with /32.

Source: wg(8), AllowedIPs.",
    scope: Scope::Present,
    check,
};

/// A range with its place and the text of its label.
struct OtherRange {
    name: String,
    subnet: Subnet,
    place: Route,
}

fn check(topology: &Topology, findings: &mut Findings) {
    // `network-not-private` reports the others.
    let private = |network: &RoutedNetwork| is_private(network.subnet);
    let numbered = topology.networks.iter().enumerate();
    for (position, network) in numbered.filter(|(_, network)| private(network)) {
        let earlier = topology.networks[..position].iter().filter(|one| private(one));
        let earlier = earlier.map(of_network);
        let others = of_cluster(topology).into_iter().chain(earlier);
        let others = others.chain(of_sites(topology, network));
        let mut others = others.chain(of_providers(topology, network));
        if let Some(other) = others.find(|other| other.subnet.overlaps(&network.subnet)) {
            findings.push(finding(network, &other));
        }
    }
}

fn of_cluster(topology: &Topology) -> [OtherRange; 3] {
    let network = &topology.network;
    let range = |key: &'static str, subnet| OtherRange {
        name: format!("`network.{key}`"),
        subnet,
        place: network.origin.key(key),
    };
    [
        range("node_subnet", network.node_subnet),
        range("pod_subnet", network.pod_subnet),
        range("service_subnet", network.service_subnet),
    ]
}

fn of_network(network: &RoutedNetwork) -> OtherRange {
    let name = format!("the network `{}`", network.name);
    OtherRange { name, subnet: network.subnet, place: network.origin.key("subnet") }
}

/// The LANs of other sites than that of `via`.
fn of_sites(topology: &Topology, network: &RoutedNetwork) -> impl Iterator<Item = OtherRange> {
    let own = site_of(topology, network);
    let others = topology.sites.iter().filter(move |site| own != Some(&site.name));
    others.filter_map(|site| {
        let name = format!("the site `{}`", site.name);
        Some(OtherRange { name, subnet: site.subnet?, place: site.origin.key("subnet") })
    })
}

fn of_providers(topology: &Topology, network: &RoutedNetwork) -> impl Iterator<Item = OtherRange> {
    let others = topology.nodes.iter().filter(|node| node.name != network.via);
    others.flat_map(|node| {
        provider::facts(node.provider).reserved.iter().map(|subnet| OtherRange {
            name: format!("the provider `{}` of `{}`", node.provider, node.name),
            subnet: *subnet,
            place: node.origin.key("provider"),
        })
    })
}

fn finding(network: &RoutedNetwork, other: &OtherRange) -> Finding {
    let OtherRange { name, subnet, place } = other;
    let message = format!(
        "the subnet {} of the network `{}` overlaps {subnet} of {name}",
        network.subnet, network.name
    );
    Finding::new(message, &network.origin.key("subnet"), "routed into the mesh on every other node")
        .and(place, format!("has {subnet}"))
        .help("renumber one of the two, or write a smaller part of the network")
}
