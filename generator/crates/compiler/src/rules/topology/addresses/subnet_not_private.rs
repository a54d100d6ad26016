//! Refuses a subnet of the cluster with public or special addresses.

use crate::check::{Findings, Rule, Scope, Theme};
use crate::derive::private::is_private;
use crate::diagnostic::{Finding, Severity};
use crate::topology::Topology;
use meshwright_value::Subnet;

pub(super) const RULE: Rule<Topology> = Rule {
    code: "subnet-not-private",
    severity: Severity::Error,
    theme: Theme::Addresses,
    summary: "a subnet of the cluster has public addresses",
    explain: "\
The mesh uses every address of its subnets, and the firewall lets packets to them leave only through \
wg0. Hosts on the Internet with these addresses would be unreachable from every node, pod and client. A \
reply that leaves by mistake would reach a foreign host. Loopback, link-local and multicast addresses \
cannot be routed at all.

Private subnets are 10.0.0.0/8, 172.16.0.0/12 and 192.168.0.0/16 (RFC 1918). The shared space \
100.64.0.0/10 (RFC 6598) is accepted too, because no host on the Internet has such an address. If a \
provider of the cluster uses it, `subnet-overlap` reports that.

Sources: RFC 1918; RFC 6598.",
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
        let help = "choose a subnet of 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16 or 100.64.0.0/10";
        let finding = Finding::new(message, &network.origin.key(key), address_kind(subnet));
        findings.push(finding.help(help));
    }
}

/// Ranges that no router forwards, so that no machine can have these addresses.
const SPECIAL: [(Subnet, &str); 4] = [
    (Subnet::from_parts(127, 0, 0, 0, 8), "loopback addresses: local to each machine"),
    (Subnet::from_parts(169, 254, 0, 0, 16), "link-local addresses: used by metadata services"),
    (Subnet::from_parts(224, 0, 0, 0, 4), "multicast addresses: groups, not machines"),
    (Subnet::from_parts(240, 0, 0, 0, 4), "reserved addresses: Linux refuses them"),
];

fn address_kind(subnet: Subnet) -> &'static str {
    let special = SPECIAL.iter().find(|(range, _)| range.contains(&subnet));
    special.map_or("public addresses", |(_, kind)| kind)
}

#[cfg(test)]
mod tests {
    use super::{Subnet, address_kind};

    #[test]
    fn addresses_in_a_special_range_are_not_public() {
        let table = [
            ([127, 0, 0, 0, 8], "loopback addresses: local to each machine"),
            ([169, 254, 7, 0, 24], "link-local addresses: used by metadata services"),
            ([128, 0, 0, 0, 1], "public addresses"),
        ];
        for ([a, b, c, d, prefix_len], expected) in table {
            assert_eq!(address_kind(Subnet::from_parts(a, b, c, d, prefix_len)), expected);
        }
    }
}
