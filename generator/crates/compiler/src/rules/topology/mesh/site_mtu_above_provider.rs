//! Warns when a site declares a larger MTU than the private networks of its nodes' provider have.

use crate::check::{Findings, Rule, Scope, Theme};
use crate::diagnostic::{Finding, Severity};
use crate::topology::{Node, Site, Topology};
use meshwright_value::{Mtu, provider};

pub(super) const RULE: Rule<Topology> = Rule {
    code: "site-mtu-above-provider",
    severity: Severity::Warning,
    theme: Theme::Mesh,
    summary: "a site has a larger MTU than the private networks of a provider of its nodes",
    explain: "\
Private networks of Hetzner have an MTU of 1450 bytes, and those of Google Cloud 1460 if nothing else is set. \
A larger `mtu` of the site makes the MTU of the mesh too large for this network: encrypted packets of full size \
are fragmented or lost between the nodes of the site, while ping and SSH work.

Leave `mtu` of the site out: it is then the provider's. If this network is another one, such as a switch of \
your own, or if you set its MTU at the provider, accept the warning. To see the MTU of the interface, run \
`ip link`.

Sources: Hetzner, \"Networks: Architecture\"; Google Cloud, \"Maximum transmission unit\".",
    scope: Scope::Present,
    check,
};

fn check(topology: &Topology, findings: &mut Findings) {
    for site in &topology.sites {
        let Some(declared) = site.mtu.map(Mtu::get) else { continue };
        let mut in_lan = topology.nodes_of(site).filter(|node| node.lan_endpoint.is_some());
        let narrower = in_lan.find(|node| private_mtu(node) < declared);
        findings.extend(narrower.map(|node| finding(site, declared, node)));
    }
}

fn private_mtu(node: &Node) -> u16 {
    provider::facts(node.provider).private_mtu
}

fn finding(site: &Site, declared: u16, node: &Node) -> Finding {
    let carried = private_mtu(node);
    let message = format!(
        "the site `{}` has an MTU of {declared}, and the private networks of {} have {carried}",
        site.name, node.provider
    );
    Finding::new(message, &site.origin.key("mtu"), "larger than the provider's")
        .and(&node.origin.key("provider"), format!("`{}` is in this site", node.name))
        .help("leave `mtu` out, or accept the warning if this is another network of yours")
}
