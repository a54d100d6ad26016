//! The cluster's subnets, and what else stands on or beside its machines, are disjoint.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use ipnet::Ipv4Net;

use super::subnet_of_home_routers::FACTORY;
use crate::check::{Findings, Rule, Scope, Theme};
use crate::derive::private::RFC_1918;
use crate::diagnostic::{Finding, Label, Place, Severity};
use crate::route::Route;
use crate::topology::Topology;
use meshwright_value::provider;
use meshwright_value::{ProviderName, Subnet};

pub(super) const RULE: Rule<Topology> = Rule {
    code: "subnet-overlap",
    severity: Severity::Error,
    theme: Theme::Addresses,
    summary: "two networks hold the same addresses",
    explain: "\
Nodes, pods and Services each have a subnet, and an address must belong to one of them: routes, \
AllowedIPs, kube-proxy and the firewall all decide by the address alone. An overlap with the LAN of \
a site, with Docker's bridge (172.17.0.0/16) or with a range that a provider keeps for its own \
services cuts those off: Alibaba Cloud serves DNS, NTP and metadata from 100.64.0.0/10, and Hetzner's \
gateway, which renews each server's lease, is 172.31.1.1. kubeadm notices none of this (`kubeadm config validate` passes a pod subnet inside the service subnet).

Subnets that are not written count with their defaults. Move one of the two; the help names a subnet \
of the same size that is free.

Sources: Docker, \"Bridge network driver\"; Alibaba Cloud ECS, \"Instance metadata\"; Hetzner \
Docs, \"Static IP configuration\"; RFC 1918.",
    scope: Scope::Present,
    check,
};

/// What Docker gives its first bridge, where somebody installs it beside containerd.
const DOCKER0: Subnet = Subnet::from_parts(172, 17, 0, 0, 16);

/// A network that takes part, with what a label says about it.
struct Network {
    name: String,
    subnet: Subnet,
    place: Option<(Route, String)>,
}

impl Network {
    fn overlaps(&self, other: &Self) -> bool {
        self.name != other.name && self.subnet.overlaps(&other.subnet)
    }
}

fn check(topology: &Topology, findings: &mut Findings) {
    let own = own(topology);
    let foreign = foreign(topology);
    // Where one of the three overlaps both others, that one is at fault.
    let overlaps = |network: &&Network| own.iter().filter(|other| network.overlaps(other)).count();
    let mut ordered: Vec<_> = own.iter().collect();
    ordered.sort_by_key(|network| Reverse(overlaps(network)));
    let mut proposed = Vec::new();
    for (position, network) in ordered.iter().enumerate() {
        let others = ordered[position..].iter().copied().chain(&foreign);
        let others: Vec<_> = others.filter(|other| network.overlaps(other)).collect();
        if !others.is_empty() {
            let taken = own.iter().filter(|other| other.name != network.name).chain(&foreign);
            let homes = FACTORY.iter().map(|(subnet, _)| *subnet);
            let taken =
                taken.map(|other| other.subnet).chain(homes).chain(proposed.iter().copied());
            let free = free(network.subnet, &taken.collect::<Vec<_>>());
            proposed.extend(free);
            findings.push(finding(network, &others, free));
        }
    }
}

fn own(topology: &Topology) -> [Network; 3] {
    let network = &topology.network;
    let own = |key: &'static str, subnet: Subnet, owner: &str| Network {
        name: format!("`network.{key}`"),
        subnet,
        place: Some((network.origin.key(key), format!("{owner} have {subnet}"))),
    };
    [
        own("node_subnet", network.node_subnet, "nodes"),
        own("pod_subnet", network.pod_subnet, "pods"),
        own("service_subnet", network.service_subnet, "Services"),
    ]
}

fn foreign(topology: &Topology) -> Vec<Network> {
    let docker = Network { name: "Docker's bridge".to_owned(), subnet: DOCKER0, place: None };
    std::iter::once(docker).chain(sites(topology)).chain(reserved(topology)).collect()
}

fn sites(topology: &Topology) -> impl Iterator<Item = Network> {
    topology.sites.iter().filter_map(|site| {
        let name = format!("site `{}`", site.name);
        let place = Some((site.origin.key("subnet"), "the site's own network".to_owned()));
        Some(Network { name, subnet: site.subnet?, place })
    })
}

fn reserved(topology: &Topology) -> impl Iterator<Item = Network> {
    let nodes = topology.nodes.iter().rev();
    let first_node: BTreeMap<ProviderName, _> =
        nodes.map(|node| (node.provider, &node.origin)).collect();
    first_node.into_iter().flat_map(|(provider, origin)| {
        provider::facts(provider).reserved.iter().map(move |subnet| Network {
            name: format!("provider `{provider}`"),
            subnet: *subnet,
            place: Some((origin.key("provider"), format!("reserves {subnet} for its services"))),
        })
    })
}

fn finding(network: &Network, others: &[&Network], free: Option<Subnet>) -> Finding {
    let named: Vec<_> =
        others.iter().map(|other| format!("{} of {}", other.subnet, other.name)).collect();
    let message = format!("{} {} overlaps {}", network.name, network.subnet, named.join(" and "));
    let places = std::iter::once(network).chain(others.iter().copied());
    let labels = places
        .filter_map(|network| network.place.as_ref())
        .map(|(route, text)| Label { place: Place::Value(route.clone()), text: text.clone() });
    let help = match free {
        Some(free) => format!("{free} is free for {}", network.name),
        None => format!("give {} a longer prefix", network.name),
    };
    Finding { message, labels: labels.collect(), help: Some(help), change: None }
}

/// The next private subnet of the same size that overlaps none of `taken`. Small ones are looked
/// for at the start of each /24 only, so that there are not millions to look at. `taken` holds what
/// `subnet` overlaps, so that it is never found itself.
fn free(subnet: Subnet, taken: &[Subnet]) -> Option<Subnet> {
    let step = subnet.prefix_len().min(24);
    let candidates = || {
        let nets = RFC_1918.iter().filter_map(|range| range.net().subnets(step).ok()).flatten();
        nets.map(|net| Subnet::new(Ipv4Net::new_assert(net.addr(), subnet.prefix_len())))
    };
    let mut candidates = candidates().filter(|candidate| *candidate > subnet).chain(candidates());
    candidates.find(|candidate| !taken.iter().any(|taken| taken.overlaps(candidate)))
}
