//! The cuts that the files of a tree make in the address space, and facts about each class.

use std::collections::BTreeSet;
use std::sync::Arc;

use ipnet::Ipv4Net;

use super::address_class::{AddressClasses, cuts};
use super::{INTERNET, cluster};
use crate::read::tree::EmittedTree;
use crate::space::{Dimension, Ranges};
use meshwright_value::provider::HOST_SERVICES;

/// Facts about the addresses of one class.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct AddressFacts {
    pub(super) private: bool,
    pub(super) in_cluster_cidr: bool,
    pub(super) in_pool: bool,
    pub(super) in_nat_pool: bool,
    pub(super) node: bool,
    pub(super) public: bool,
}

impl AddressFacts {
    /// The facts that the walk between two nodes compares, one bit each.
    pub(super) fn compared(self) -> u8 {
        let Self { private, in_cluster_cidr, in_pool, in_nat_pool, node, public } = self;
        let facts = [private, in_cluster_cidr, in_pool, in_nat_pool, node, public];
        facts.into_iter().fold(0, |bits, fact| bits << 1 | u8::from(fact))
    }
}

/// Addresses that are not on the Internet (RFC 6890; multicast: RFC 5771; reserved: RFC 1112).
const NOT_PUBLIC: [([u8; 4], u8); 9] = [
    ([0, 0, 0, 0], 8),
    ([10, 0, 0, 0], 8),
    ([100, 64, 0, 0], 10),
    ([127, 0, 0, 0], 8),
    ([169, 254, 0, 0], 16),
    ([172, 16, 0, 0], 12),
    ([192, 168, 0, 0], 16),
    ([224, 0, 0, 0], 4),
    ([240, 0, 0, 0], 4),
];

fn not_public() -> impl Iterator<Item = Ipv4Net> {
    let nets = NOT_PUBLIC.into_iter();
    nets.filter_map(|(address, length)| Ipv4Net::new(address.into(), length).ok())
}

/// The services of all clouds for their hosts.
fn host_services() -> impl Iterator<Item = Ipv4Net> {
    HOST_SERVICES.into_iter().map(|service| service.net())
}

/// All cuts of all files.
pub(super) fn all_cuts(emitted: &EmittedTree, init: usize) -> BTreeSet<u32> {
    let (cluster, _) = cluster(emitted, init);
    let mut all = BTreeSet::new();
    let hosts = [Ipv4Net::from(INTERNET)].into_iter().chain(host_services()).chain(not_public());
    let cluster_cidr = emitted.kube_proxy.content.cluster_cidr.value;
    let subnets = [cluster.pod_subnet.value, cluster.service_subnet.value, cluster_cidr];
    all.extend(hosts.chain(subnets).chain([Ipv4Net::default()]).flat_map(cuts));
    all.extend(emitted.pools().flat_map(|(pool, _)| cuts(pool.cidr.value)));
    all.extend(emitted.guards.content.iter().flat_map(|route| cuts(route.net)));
    for conf in emitted.confs() {
        all.extend(conf.allowed.iter().flat_map(|allowed| cuts(allowed.net)));
        if let Some(address) = &conf.address {
            let [link, host] = [address.value.trunc(), address.value.addr().into()];
            all.extend(cuts(link).chain(cuts(host)));
        }
    }
    let mut seen: Vec<&Arc<_>> = Vec::new();
    for node in &emitted.nodes {
        all.extend(node.json.content.networks.iter().flat_map(|network| cuts(network.subnet)));
        all.extend(node.routes.content.iter().flat_map(|route| cuts(route.net)));
        let ruleset = &node.firewall.content;
        if !seen.iter().any(|known| Arc::ptr_eq(known, ruleset)) {
            seen.push(ruleset);
        }
    }
    seen.extend(
        emitted
            .clients
            .iter()
            .filter_map(|client| client.conf.content.firewall.as_ref())
            .map(|firewall| &firewall.value),
    );
    let rules = seen.iter().flat_map(|ruleset| &ruleset.chains).flat_map(|chain| &chain.rules);
    for (_, ranges) in rules.flat_map(|rule| rule.region.iter()).filter(is_address4) {
        let cuts = ranges.iter().flat_map(|(first, last)| [Some(first), last.checked_add(1)]);
        all.extend(cuts.flatten().filter_map(|cut| u32::try_from(cut).ok()));
    }
    all
}

/// The facts about each class.
pub(super) fn for_classes(
    emitted: &EmittedTree,
    init: usize,
    classes: &AddressClasses,
) -> Vec<AddressFacts> {
    let mut facts = vec![AddressFacts::default(); classes.count()];
    let mut mark =
        |net, set: fn(&mut AddressFacts)| facts[classes.range(net)].iter_mut().for_each(set);
    let own: fn(&mut AddressFacts) = |kind| (kind.private, kind.public) = (true, false);
    mark(Ipv4Net::default(), |kind| kind.public = true);
    let not_public = not_public().chain(host_services());
    not_public.for_each(|net| mark(net, |kind| kind.public = false));
    let (cluster, _) = cluster(emitted, init);
    for subnet in [cluster.pod_subnet.value, cluster.service_subnet.value] {
        mark(subnet, own);
    }
    mark(emitted.kube_proxy.content.cluster_cidr.value, |kind| kind.in_cluster_cidr = true);
    for (pool, _) in emitted.pools() {
        mark(pool.cidr.value, |kind| kind.in_pool = true);
        if pool.nat_outgoing.value {
            mark(pool.cidr.value, |kind| kind.in_nat_pool = true);
        }
    }
    for address in emitted.nodes.iter().filter_map(|node| node.conf.content.address) {
        mark(address.value.trunc(), own);
        mark(address.value.addr().into(), |kind| kind.node = true);
    }
    facts
}

fn is_address4((dimension, _): &(Dimension, &Ranges)) -> bool {
    dimension.is_address4()
}
