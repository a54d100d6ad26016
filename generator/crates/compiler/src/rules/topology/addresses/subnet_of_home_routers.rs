//! Warns when a subnet of the cluster is the factory setting of home routers.

use crate::check::{Findings, Rule, Scope, Theme};
use crate::diagnostic::{Finding, Severity};
use crate::topology::Topology;
use meshwright_value::Subnet;

pub(super) const RULE: Rule<Topology> = Rule {
    code: "subnet-of-home-routers",
    severity: Severity::Warning,
    theme: Theme::Addresses,
    summary: "a subnet of the cluster is the factory setting of home routers",
    explain: "\
A machine behind a home router has an address in the router's LAN, and most routers use one of a few \
subnets. If a subnet of the cluster is the same, the machine is in two networks with the same \
addresses: it cannot reach its router, printer or resolver, because their addresses are routed to wg0, \
or it cannot reach the mesh. A laptop that travels meets such networks often, for example in hotels.

Choose a subnet that is not a factory setting, such as the default. It is easy to change only before \
the cluster exists. If you know every LAN, declare each as a site with its `subnet`, and accept the \
warning.

Sources: AVM, FRITZ!Box manuals, \"Network Settings\"; RouterOS, `system default-configuration`; \
routeripguide, \"Default router gateway IP matrix\" (ASUS, D-Link, Huawei, Linksys, TP-Link); the \
others are common knowledge, without a source. RFC 1918 §5 on choosing at random.",
    scope: Scope::Whole,
    check,
};

/// Factory settings of home routers, with the makers. The makers document 192.168.178.0/24 and
/// 192.168.88.0/24. 192.168.x.0/24 with x of 0, 1, 3, 50 and 100 are in a public collection
/// (<https://huggingface.co/datasets/routeripguide/default-router-gateway-ip-matrix>, read 2026-11-24),
/// and 10.0.0.0/24 is in guides to Xfinity's "Admin Tool". No source was found for the rest: a wrong
/// line there costs a warning.
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
        let Some((factory, makers)) =
            factory_setting(subnet).filter(|(it, _)| !is_site(*it, topology))
        else {
            continue;
        };
        let message = format!("`network.{key}` {subnet} is a factory setting of home routers");
        let label = format!("{factory} is the factory setting of {makers}");
        let finding = Finding::new(message, &network.origin.key(key), label);
        findings
            .push(finding.help(format!("leave `{key}` out: its default is not a factory setting")));
    }
}

fn factory_setting(subnet: Subnet) -> Option<(Subnet, &'static str)> {
    FACTORY.into_iter().find(|(factory, _)| factory.overlaps(&subnet))
}

/// `subnet-overlap` reports a LAN that is declared, as an error.
fn is_site(factory: Subnet, topology: &Topology) -> bool {
    let mut subnets = topology.sites.iter().filter_map(|site| site.subnet);
    subnets.any(|subnet| subnet.overlaps(&factory))
}
