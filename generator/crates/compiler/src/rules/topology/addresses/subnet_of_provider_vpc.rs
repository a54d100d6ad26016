//! Warns when a subnet of the cluster overlaps the private networks that a provider creates by default.

use std::collections::BTreeMap;

use super::subnet_overlap::{KnownNetwork, cluster_networks, finding, foreign_networks, free_for};
use crate::check::{Findings, Rule, Scope, Theme};
use crate::diagnostic::Severity;
use crate::topology::{Node, Topology};
use meshwright_value::{ProviderName, provider};

pub(super) const RULE: Rule<Topology> = Rule {
    code: "subnet-of-provider-vpc",
    severity: Severity::Warning,
    theme: Theme::Addresses,
    summary: "a subnet of the cluster overlaps the private networks of a provider",
    explain: "\
Some providers put every machine into a private network (VPC), and choose its addresses if you do not: AWS \
172.31.0.0/16, Google Cloud a part of 10.128.0.0/9, DigitalOcean a /20 for each region, such as \
10.108.0.0/20 in nyc3. The default `service_subnet` of Kubernetes, 10.96.0.0/12, contains several of the \
latter. The firewall drops packets for addresses of the cluster outside of the mesh, so managed databases, \
internal load balancers and other machines in that network could not be reached. `prepare` refuses such a \
host at its first boot (code 26), when the subnets of the cluster are hard to change.

Choose another subnet; the help names a free one. If the machines are in a network of your own, declare it \
as a site with its `subnet`: then that subnet is compared instead. If nothing in the private network is \
used, accept the warning, and take the host over with `meshwright-node prepare --take-over`.

Sources: Amazon VPC, \"Default VPC components\"; Google Cloud, \"VPC networks\", on auto mode; DigitalOcean, \
\"How to Secure PostgreSQL Managed Database Clusters\".",
    scope: Scope::Whole,
    check,
};

fn check(topology: &Topology, findings: &mut Findings) {
    let own = cluster_networks(topology);
    let foreign = foreign_networks(topology);
    let private: Vec<_> = private_networks(topology).collect();
    let mut proposed = Vec::new();
    for network in &own {
        let others: Vec<_> = private.iter().filter(|other| network.overlaps(other)).collect();
        if !others.is_empty() {
            let known = own.iter().chain(&foreign).chain(&private);
            let free = free_for(network, known, &proposed);
            proposed.extend(free);
            findings.push(finding(network, &others, free));
        }
    }
}

/// Those of each provider, labelled at its first node whose own network is not written.
fn private_networks(topology: &Topology) -> impl Iterator<Item = KnownNetwork> {
    let has_own = |node: &Node| {
        let mut sites = topology.sites.iter().filter(|site| Some(&site.name) == node.site.as_ref());
        sites.any(|site| site.subnet.is_some())
    };
    let nodes = topology.nodes.iter().rev().filter(|node| !has_own(node));
    let first_node: BTreeMap<ProviderName, _> =
        nodes.map(|node| (node.provider, &node.origin)).collect();
    first_node.into_iter().flat_map(|(provider, origin)| {
        provider::facts(provider).private.iter().map(move |subnet| KnownNetwork {
            name: format!("the private networks of provider `{provider}`"),
            subnet: *subnet,
            place: Some((origin.key("provider"), format!("has private networks in {subnet}"))),
        })
    })
}
