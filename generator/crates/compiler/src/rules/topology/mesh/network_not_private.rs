//! Refuses a network behind a machine that has public or special addresses.

use crate::check::{Findings, Rule, Scope, Theme};
use crate::derive::private::is_private;
use crate::diagnostic::{Finding, Severity};
use crate::topology::Topology;

pub(super) const RULE: Rule<Topology> = Rule {
    code: "network-not-private",
    severity: Severity::Error,
    theme: Theme::Mesh,
    summary: "a network behind a machine has public addresses",
    explain: "\
Every node routes the subnet of a network into the mesh, and its firewall lets packets for it leave only \
there. With public addresses, hosts on the Internet would be unreachable while the `via` is off, and a subnet \
such as 0.0.0.0/0 would also lead WireGuard's own packets into the tunnel: no handshake completes. The mesh is \
not a default route: each node reaches the Internet by its own.

Write a subnet of 10.0.0.0/8, 172.16.0.0/12 or 192.168.0.0/16 (RFC 1918), or of 100.64.0.0/10 (RFC 6598).

Sources: RFC 1918 §3; RFC 6598 §7; wireguard.com, \"Routing & Network Namespace Integration\".",
    scope: Scope::Present,
    check,
};

fn check(topology: &Topology, findings: &mut Findings) {
    for network in topology.networks.iter().filter(|network| !is_private(network.subnet)) {
        let message = format!(
            "the subnet {} of the network `{}` is not private",
            network.subnet, network.name
        );
        let help = "write the private subnet of the network, such as 192.168.1.0/24";
        let at = network.origin.key("subnet");
        findings.push(Finding::new(message, &at, "reached without the mesh").help(help));
    }
}
