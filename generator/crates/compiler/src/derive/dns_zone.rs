//! The DNS zone that a public name is registered in.

use meshwright_value::Hostname;

/// The zone of a hostname: its registrable domain by the Public Suffix List, private suffixes such as `eu.org`
/// included, since Cloudflare takes zones below them. A name that is a suffix itself is its own zone.
pub(crate) fn dns_zone(hostname: &Hostname) -> &str {
    let name = hostname.as_str();
    let name = name.strip_prefix("*.").unwrap_or(name);
    psl::domain_str(name).unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::dns_zone;
    use meshwright_value::{Hostname, Text};

    #[test]
    fn a_zone_is_the_registrable_domain() {
        let table = [
            ("example.com", "example.com"),
            ("*.example.com", "example.com"),
            ("a.b.example.com", "example.com"),
            ("a.example.co.uk", "example.co.uk"),
            ("*.example.com.cn", "example.com.cn"),
            ("a.b.example.de", "example.de"),
            ("app.team.eu.org", "team.eu.org"),
            ("a.example.kawasaki.jp", "a.example.kawasaki.jp"),
            ("x.a.example.kawasaki.jp", "a.example.kawasaki.jp"),
            ("www.city.kawasaki.jp", "city.kawasaki.jp"),
            ("*.co.uk", "co.uk"),
            ("a.example.unknown", "example.unknown"),
        ];
        for (name, zone) in table {
            assert_eq!(dns_zone(&Hostname::parse(name).unwrap()), zone, "{name}");
        }
    }
}
