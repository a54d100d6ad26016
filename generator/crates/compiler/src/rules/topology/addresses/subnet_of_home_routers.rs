//! The cluster's subnets are not those of everybody's home.

use crate::check::{Findings, Rule, Scope, Theme};
use crate::diagnostic::{Finding, Severity};
use crate::topology::Topology;
use meshwright_value::Subnet;

pub(super) const RULE: Rule<Topology> = Rule {
    code: "subnet-of-home-routers",
    severity: Severity::Warning,
    theme: Theme::Addresses,
    summary: "a subnet of the cluster is what home routers give out",
    explain: "\
A machine behind a home router stands in the network that the router gives out, and most give out one of \
a few. Where that is a subnet of the cluster too, the machine has two networks with the same addresses: \
its router, its printer or its resolver disappear behind wg0, or the mesh does. A laptop that travels \
meets such a network in every second hotel.

Take a subnet that no router has from the factory, such as the default; it is easily changed only before \
the cluster exists. Where every LAN is known, declare each as a site with its `subnet`, and accept the \
warning.

Sources: AVM, FRITZ!Box manuals, \"Network Settings\"; RouterOS, `system default-configuration`; \
routeripguide, \"Default router gateway IP matrix\" (ASUS, D-Link, Huawei, Linksys, TP-Link); the others are \
customary. RFC 1918 §5 on choosing at random.",
    scope: Scope::Whole,
    check,
};

/// What routers for homes give out from the factory, and whose. 192.168.178.0/24 and 192.168.88.0/24 are
/// their makers' word; 0, 1, 3, 50 and 100 of 192.168 stand in a public collection
/// (<https://huggingface.co/datasets/routeripguide/default-router-gateway-ip-matrix>, seen 2026-11-24), and
/// 10.0.0.0/24 in guides to Xfinity's "Admin Tool". No source was found for the rest: a wrong line there
/// costs a warning.
pub(super) const FACTORY: [(Subnet, &str); 12] = [
    (Subnet::from_parts(10, 0, 0, 0, 24), "Xfinity"),
    (Subnet::from_parts(192, 168, 0, 0, 24), "TP-Link and D-Link"),
    (Subnet::from_parts(192, 168, 1, 0, 24), "most routers"),
    (Subnet::from_parts(192, 168, 2, 0, 24), "Speedport and Belkin"),
    (Subnet::from_parts(192, 168, 3, 0, 24), "Huawei"),
    (Subnet::from_parts(192, 168, 8, 0, 24), "GL.iNet and Huawei's sticks"),
    (Subnet::from_parts(192, 168, 10, 0, 24), "ZTE and small offices"),
    (Subnet::from_parts(192, 168, 31, 0, 24), "Xiaomi"),
    (Subnet::from_parts(192, 168, 50, 0, 24), "ASUS"),
    (Subnet::from_parts(192, 168, 88, 0, 24), "MikroTik"),
    (Subnet::from_parts(192, 168, 100, 0, 24), "fibre modems"),
    (Subnet::from_parts(192, 168, 178, 0, 24), "FRITZ!Box"),
];

fn check(topology: &Topology, findings: &mut Findings) {
    let at_home = topology.nodes.iter().any(|node| node.endpoint.is_none());
    if !at_home && topology.clients.is_empty() {
        return;
    }
    let network = &topology.network;
    let subnets = [
        ("node_subnet", network.node_subnet),
        ("pod_subnet", network.pod_subnet),
        ("service_subnet", network.service_subnet),
    ];
    for (key, subnet) in subnets {
        let Some((factory, makers)) = factory(subnet).filter(|(it, _)| !is_site(*it, topology))
        else {
            continue;
        };
        let message = format!("`network.{key}` {subnet} is a network that home routers give out");
        let label = format!("{factory} is the factory setting of {makers}");
        let finding = Finding::new(message, &network.origin.key(key), label);
        findings.push(finding.help(format!("leave `{key}` out: its default is no router's")));
    }
}

fn factory(subnet: Subnet) -> Option<(Subnet, &'static str)> {
    FACTORY.into_iter().find(|(factory, _)| factory.overlaps(&subnet))
}

/// A LAN that is declared is an error already: `subnet-overlap`.
fn is_site(factory: Subnet, topology: &Topology) -> bool {
    let mut subnets = topology.sites.iter().filter_map(|site| site.subnet);
    subnets.any(|subnet| subnet.overlaps(&factory))
}
