//! The cluster's subnets belong to nobody on the Internet.

use super::{Findings, Rule, Scope};
use crate::diagnostic::{Finding, Severity};
use crate::topology::Topology;
use crate::value::Subnet;

pub(super) const RULE: Rule<Topology> = Rule {
    code: "subnet-not-private",
    severity: Severity::Error,
    summary: "a subnet of the cluster is public address space",
    explain: "\
The mesh takes over every address of its subnets: the firewall keeps them from leaving by any other \
interface than wg0. Hosts on the Internet that own such addresses would be out of reach from every \
node, pod and client, and replies that leave by mistake would go to strangers.

Private are 10.0.0.0/8, 172.16.0.0/12 and 192.168.0.0/16 (RFC 1918). The shared space 100.64.0.0/10 \
(RFC 6598) passes as well, since no host on the Internet has such an address; where a provider uses it, \
`subnet-overlap` speaks up.",
    scope: Scope::Present,
    check,
};

/// Private address space (RFC 1918 §3).
pub(super) const RFC_1918: [Subnet; 3] = [
    Subnet::from_parts(10, 0, 0, 0, 8),
    Subnet::from_parts(172, 16, 0, 0, 12),
    Subnet::from_parts(192, 168, 0, 0, 16),
];

/// Between carriers and their customers (RFC 6598 §7).
const SHARED: Subnet = Subnet::from_parts(100, 64, 0, 0, 10);

fn check(topology: &Topology, findings: &mut Findings) {
    let network = &topology.network;
    let subnets = [
        ("node_subnet", network.node_subnet),
        ("pod_subnet", network.pod_subnet),
        ("service_subnet", network.service_subnet),
    ];
    for (key, subnet) in subnets.into_iter().filter(|(_, subnet)| !is_private(*subnet)) {
        let message = format!("`network.{key}` {subnet} is not private");
        let help = "take a subnet of 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16 or 100.64.0.0/10";
        let finding = Finding::new(message, &network.origin.key(key), "holds public addresses");
        findings.push(finding.help(help));
    }
}

/// Whether no host on the Internet has an address of it.
pub(super) fn is_private(subnet: Subnet) -> bool {
    RFC_1918.iter().chain([&SHARED]).any(|range| range.contains(&subnet))
}
