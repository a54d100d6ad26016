//! Warns when Cloudflare's universal certificate does not cover a hostname.

use crate::check::{Findings, Rule, Scope, Theme};
use crate::derive::dns_zone::dns_zone;
use crate::diagnostic::{Finding, Severity};
use crate::topology::Topology;
use crate::topology::public_name::public_names;
use meshwright_value::Hostname;

pub(super) const RULE: Rule<Topology> = Rule {
    code: "hostname-too-deep",
    severity: Severity::Warning,
    theme: Theme::Ingress,
    summary: "Cloudflare's universal certificate does not cover a hostname",
    explain: "\
The free certificate of a zone covers the name of the zone and one level below it: `example.com` and \
`*.example.com`, but not `a.b.example.com` and not `*.b.example.com`. For a deeper name, visitors see a \
TLS error at the edge, and the request does not reach the tunnel.

Use a name one level below the zone, such as `a-b.example.com`. Or order an advanced certificate or \
enable Total TLS, and accept this warning. The zone is the registrable domain by the Public Suffix List. If \
yours is a name below it, accept the warning.

Sources: Cloudflare, \"Universal SSL: limitations\"; the Public Suffix List (publicsuffix.org).",
    scope: Scope::Present,
    check,
};

fn check(topology: &Topology, findings: &mut Findings) {
    let Some(tunnel) = &topology.cloudflare_tunnel else { return };
    for name in public_names(tunnel) {
        let hostname = name.hostname;
        let Some(zone) = zone_too_far_above(hostname) else { continue };
        let message = format!(
            "the universal certificate does not cover `{hostname}`: it is more than one level below \
             `{zone}`"
        );
        let finding = Finding::new(message, &name.at, "too deep")
            .help(format!("use a name one level below `{zone}`, or order a certificate for it"));
        findings.push(finding);
    }
}

/// The zone of a name, if the name is more than one level below it.
fn zone_too_far_above(hostname: &Hostname) -> Option<&str> {
    let zone = dns_zone(hostname);
    let below = hostname.as_str().strip_suffix(zone)?;
    (below.matches('.').count() > 1).then_some(zone)
}

#[cfg(test)]
mod tests {
    use super::zone_too_far_above;
    use meshwright_value::{Hostname, Text};

    #[test]
    fn one_level_below_the_zone_is_covered() {
        let table = [
            ("example.com", None),
            ("a.example.com", None),
            ("*.example.com", None),
            ("a.b.example.com", Some("example.com")),
            ("*.b.example.com", Some("example.com")),
            ("a.example.co.uk", None),
            ("a.b.example.co.uk", Some("example.co.uk")),
            ("example.co.uk", None),
            ("co.uk", None),
            ("a.b.example.de", Some("example.de")),
        ];
        for (name, zone) in table {
            let hostname = Hostname::parse(name).unwrap();
            assert_eq!(zone_too_far_above(&hostname), zone, "{name}");
        }
    }
}
