//! The cluster's subnets belong to nobody on the Internet.

use crate::check::{Findings, Rule, Scope, Theme};
use crate::derive::private::is_private;
use crate::diagnostic::{Finding, Severity};
use crate::topology::Topology;
use meshwright_value::Subnet;

pub(super) const RULE: Rule<Topology> = Rule {
    code: "subnet-not-private",
    severity: Severity::Error,
    theme: Theme::Addresses,
    summary: "a subnet of the cluster is public address space",
    explain: "\
The mesh takes over every address of its subnets: the firewall keeps them from leaving by any other \
interface than wg0. Hosts on the Internet that own such addresses would be out of reach from every \
node, pod and client, and replies that leave by mistake would go to strangers. Loopback, link-local and \
multicast addresses cannot be routed at all.

Private are 10.0.0.0/8, 172.16.0.0/12 and 192.168.0.0/16 (RFC 1918). The shared space 100.64.0.0/10 \
(RFC 6598) passes as well, since no host on the Internet has such an address; where a provider uses it, \
`subnet-overlap` speaks up.",
    scope: Scope::Present,
    check,
};

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
        let finding = Finding::new(message, &network.origin.key(key), holds(subnet));
        findings.push(finding.help(help));
    }
}

/// Addresses that no router forwards, so that they are no subnet of machines.
const SPECIAL: [(Subnet, &str); 4] = [
    (Subnet::from_parts(127, 0, 0, 0, 8), "loopback addresses: each machine's own"),
    (Subnet::from_parts(169, 254, 0, 0, 16), "link-local addresses: those of metadata services"),
    (Subnet::from_parts(224, 0, 0, 0, 4), "multicast addresses: groups, not machines"),
    (Subnet::from_parts(240, 0, 0, 0, 4), "reserved addresses: Linux refuses them"),
];

fn holds(subnet: Subnet) -> &'static str {
    let special = SPECIAL.iter().find(|(range, _)| range.contains(&subnet));
    special.map_or("holds public addresses", |(_, what)| what)
}

#[cfg(test)]
mod tests {
    use super::{Subnet, holds};

    #[test]
    fn special_ranges_hold_what_lies_inside() {
        let table = [
            ([127, 0, 0, 0, 8], "loopback addresses: each machine's own"),
            ([169, 254, 7, 0, 24], "link-local addresses: those of metadata services"),
            ([128, 0, 0, 0, 1], "holds public addresses"),
        ];
        for ([a, b, c, d, prefix_len], expected) in table {
            assert_eq!(holds(Subnet::from_parts(a, b, c, d, prefix_len)), expected);
        }
    }
}
