//! Refuses subnets of the cluster that overlap each other or a network beside the nodes.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use ipnet::Ipv4Net;

use super::subnet_of_home_routers::FACTORY;
use crate::check::{Findings, Rule, Scope, Theme};
use crate::derive::private::RFC_1918;
use crate::diagnostic::{Finding, Label, LabelPlace, Severity};
use crate::route::Route;
use crate::topology::Topology;
use meshwright_value::provider;
use meshwright_value::{ProviderName, Subnet};

pub(super) const RULE: Rule<Topology> = Rule {
    code: "subnet-overlap",
    severity: Severity::Error,
    theme: Theme::Addresses,
    summary: "two networks have the same addresses",
    explain: "\
Nodes, pods and Services each have a subnet, and an address must belong to one of them: routes, \
AllowedIPs, kube-proxy and the firewall all decide by the address alone. An overlap also makes other \
networks unreachable: the LAN of a site, Docker's bridge (172.17.0.0/16), or a range that a provider \
reserves for its own services. Alibaba Cloud serves DNS, NTP and metadata from 100.64.0.0/10. Hetzner's \
gateway, which renews the lease of each server, is 172.31.1.1. kubeadm does not check this (`kubeadm \
config validate` accepts a pod subnet inside the service subnet).

Subnets that are not written have their default values. Move one of the two; the help names a free \
subnet of the same size.

Sources: Docker, \"Bridge network driver\"; Alibaba Cloud ECS, \"Instance metadata\"; Hetzner Docs, \
\"Static IP configuration\"; RFC 1918.",
    scope: Scope::Present,
    check,
};

/// The subnet of Docker's first bridge, if Docker is installed beside containerd.
const DOCKER0: Subnet = Subnet::from_parts(172, 17, 0, 0, 16);

/// A network of the cluster or beside it, with the place and text of its label.
pub(super) struct KnownNetwork {
    pub(super) name: String,
    pub(super) subnet: Subnet,
    pub(super) place: Option<(Route, String)>,
}

impl KnownNetwork {
    pub(super) fn overlaps(&self, other: &Self) -> bool {
        self.name != other.name && self.subnet.overlaps(&other.subnet)
    }
}

fn check(topology: &Topology, findings: &mut Findings) {
    let own = cluster_networks(topology);
    let foreign = foreign_networks(topology);
    // If one of the three overlaps both others, that one is at fault.
    let overlaps =
        |network: &&KnownNetwork| own.iter().filter(|other| network.overlaps(other)).count();
    let mut ordered: Vec<_> = own.iter().collect();
    ordered.sort_by_key(|network| Reverse(overlaps(network)));
    let mut proposed = Vec::new();
    for (position, network) in ordered.iter().enumerate() {
        let later = ordered[position..].iter().copied().chain(&foreign);
        let others: Vec<_> = later.filter(|other| network.overlaps(other)).collect();
        if !others.is_empty() {
            let free = free_for(network, own.iter().chain(&foreign), &proposed);
            proposed.extend(free);
            findings.push(finding(network, &others, free));
        }
    }
}

/// The three networks of the cluster.
pub(super) fn cluster_networks(topology: &Topology) -> [KnownNetwork; 3] {
    let network = &topology.network;
    let known = |key: &'static str, subnet: Subnet, owner: &str| KnownNetwork {
        name: format!("`network.{key}`"),
        subnet,
        place: Some((network.origin.key(key), format!("{owner} have {subnet}"))),
    };
    [
        known("node_subnet", network.node_subnet, "nodes"),
        known("pod_subnet", network.pod_subnet, "pods"),
        known("service_subnet", network.service_subnet, "Services"),
    ]
}

/// Networks beside the nodes that are the same wherever they are, or that are written.
pub(super) fn foreign_networks(topology: &Topology) -> Vec<KnownNetwork> {
    let docker = KnownNetwork { name: "Docker's bridge".to_owned(), subnet: DOCKER0, place: None };
    std::iter::once(docker)
        .chain(site_networks(topology))
        .chain(provider_networks(topology))
        .collect()
}

fn site_networks(topology: &Topology) -> impl Iterator<Item = KnownNetwork> {
    topology.sites.iter().filter_map(|site| {
        let name = format!("site `{}`", site.name);
        let place = Some((site.origin.key("subnet"), "the LAN of the site".to_owned()));
        Some(KnownNetwork { name, subnet: site.subnet?, place })
    })
}

fn provider_networks(topology: &Topology) -> impl Iterator<Item = KnownNetwork> {
    let nodes = topology.nodes.iter().rev();
    let first_node: BTreeMap<ProviderName, _> =
        nodes.map(|node| (node.provider, &node.origin)).collect();
    first_node.into_iter().flat_map(|(provider, origin)| {
        provider::facts(provider).reserved.iter().map(move |subnet| KnownNetwork {
            name: format!("provider `{provider}`"),
            subnet: *subnet,
            place: Some((origin.key("provider"), format!("reserves {subnet} for its services"))),
        })
    })
}

/// The report that a network of the cluster overlaps others.
pub(super) fn finding(
    network: &KnownNetwork,
    others: &[&KnownNetwork],
    free: Option<Subnet>,
) -> Finding {
    let named: Vec<_> =
        others.iter().map(|other| format!("{} of {}", other.subnet, other.name)).collect();
    let message = format!("{} {} overlaps {}", network.name, network.subnet, named.join(" and "));
    let places = std::iter::once(network).chain(others.iter().copied());
    let labels = places
        .filter_map(|network| network.place.as_ref())
        .map(|(route, text)| Label { place: LabelPlace::Value(route.clone()), text: text.clone() });
    let help = match free {
        Some(free) => format!("{free} is free for {}", network.name),
        None => format!("give {} a longer prefix", network.name),
    };
    let labels = labels.collect();
    Finding { message, labels, help: Some(help), change: None, secrets: Vec::new() }
}

/// A subnet for `network` that overlaps none of the others, no LAN behind a home router, and nothing that is proposed
/// for another one.
pub(super) fn free_for<'a>(
    network: &KnownNetwork,
    others: impl Iterator<Item = &'a KnownNetwork>,
    proposed: &[Subnet],
) -> Option<Subnet> {
    let others = others.filter(|other| other.name != network.name).map(|other| other.subnet);
    let homes = FACTORY.iter().map(|(subnet, _)| *subnet);
    let taken: Vec<_> = others.chain(homes).chain(proposed.iter().copied()).collect();
    free_subnet(network.subnet, &taken)
}

/// The next private subnet of the same size that overlaps none of `taken`. A subnet smaller than a
/// /24 is searched for only at the start of each /24: there are millions of the smallest. `taken`
/// must contain the subnets that `subnet` overlaps, so that `subnet` itself is never found.
fn free_subnet(subnet: Subnet, taken: &[Subnet]) -> Option<Subnet> {
    let step = subnet.prefix_len().min(24);
    let candidates = || {
        let nets = RFC_1918.iter().filter_map(|range| range.net().subnets(step).ok()).flatten();
        nets.map(|net| Subnet::new(Ipv4Net::new_assert(net.addr(), subnet.prefix_len())))
    };
    let mut later_first = candidates().filter(|candidate| *candidate > subnet).chain(candidates());
    later_first.find(|candidate| !taken.iter().any(|taken| taken.overlaps(candidate)))
}
