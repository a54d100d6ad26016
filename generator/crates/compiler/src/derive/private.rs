//! Private names and addresses, which no host on the Internet has.

use std::net::{Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use meshwright_value::{SourceNet, Subnet};

/// Private address space (RFC 1918 §3).
pub(crate) const RFC_1918: [Subnet; 3] = [
    Subnet::from_parts(10, 0, 0, 0, 8),
    Subnet::from_parts(172, 16, 0, 0, 12),
    Subnet::from_parts(192, 168, 0, 0, 16),
];

/// Between carriers and their customers (RFC 6598 §7).
const SHARED: Subnet = Subnet::from_parts(100, 64, 0, 0, 10);

/// IPv4 addresses that are valid on one host or link: loopback (RFC 1122 §3.2.1.3), link-local
/// (RFC 3927 §2.1).
const V4_ONE_LINK: [Ipv4Net; 2] = [
    Ipv4Net::new_assert(Ipv4Addr::new(127, 0, 0, 0), 8),
    Ipv4Net::new_assert(Ipv4Addr::new(169, 254, 0, 0), 16),
];

/// IPv6 addresses that are valid in one network: loopback and link-local (RFC 4291 §2.4), unique
/// local (RFC 4193 §3.1).
const V6_ONE_NETWORK: [Ipv6Net; 3] = [
    Ipv6Net::new_assert(Ipv6Addr::LOCALHOST, 128),
    Ipv6Net::new_assert(Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0), 10),
    Ipv6Net::new_assert(Ipv6Addr::new(0xfc00, 0, 0, 0, 0, 0, 0, 0), 7),
];

/// Last labels that public DNS will never have, or does not have.
const PRIVATE: [&str; 12] = [
    "arpa",
    "corp",
    "example",
    "home",
    "internal",
    "intranet",
    "invalid",
    "lan",
    "local",
    "localdomain",
    "private",
    "test",
];

/// Whether no host on the Internet has an address of it.
pub(crate) fn is_private(subnet: Subnet) -> bool {
    RFC_1918.iter().chain([&SHARED]).any(|range| range.contains(&subnet))
}

/// Whether no packet from the Internet has a source address of it.
pub(crate) fn is_local_source(source: SourceNet) -> bool {
    match source.net() {
        IpNet::V4(net) => {
            is_private(Subnet::new(net)) || V4_ONE_LINK.iter().any(|range| range.contains(&net))
        }
        IpNet::V6(net) => V6_ONE_NETWORK.iter().any(|range| range.contains(&net)),
    }
}

/// The last label of a name that public DNS does not have; empty for one without a dot.
pub(crate) fn private_domain(name: &str) -> Option<&str> {
    match name.rsplit_once('.') {
        None => Some(""),
        Some((_, last)) => Some(last).filter(|last| PRIVATE.contains(last)),
    }
}

#[cfg(test)]
mod tests {
    use super::{is_local_source, private_domain};
    use meshwright_value::{SourceNet, Text};

    #[test]
    fn local_sources_are_not_on_the_internet() {
        let local = [
            "10.0.0.0/8",
            "192.168.1.7",
            "100.64.0.0/10",
            "127.0.0.1",
            "169.254.0.0/16",
            "::1",
            "fe80::/10",
            "fd00:1::/64",
        ];
        let public = ["0.0.0.0/0", "8.0.0.0/6", "203.0.113.7", "::/0", "fc00::/6", "2001:db8::/32"];
        let judge = |text: &&str| is_local_source(SourceNet::parse(text).unwrap());
        assert_eq!(local.iter().filter(|text| !judge(text)).collect::<Vec<_>>(), [&""; 0]);
        assert_eq!(public.iter().filter(|text| judge(text)).collect::<Vec<_>>(), [&""; 0]);
    }

    #[test]
    fn public_names_have_a_public_end() {
        let table = [
            ("home", Some("")),
            ("nas.local", Some("local")),
            ("router.home.arpa", Some("arpa")),
            ("local.example.com", None),
            ("berlin.example.net", None),
        ];
        for (name, expected) in table {
            assert_eq!(private_domain(name), expected, "{name}");
        }
    }
}
