//! Cloudflare has a certificate for each hostname.

use crate::check::{Findings, Rule, Scope, Theme};
use crate::diagnostic::{Finding, Severity};
use crate::topology::Topology;
use meshwright_value::Hostname;

pub(super) const RULE: Rule<Topology> = Rule {
    code: "hostname-too-deep",
    severity: Severity::Warning,
    theme: Theme::Ingress,
    summary: "Cloudflare's universal certificate does not cover a hostname",
    explain: "\
The certificate that every zone gets for nothing covers the zone's own name and one level below it: \
`example.com` and `*.example.com`, but not `a.b.example.com` and not `*.b.example.com`. Visitors of a \
deeper name see a TLS error at the edge, before the tunnel is asked.

Take a name one level below the zone, such as `a-b.example.com`; or order an advanced certificate, or \
turn on Total TLS, and accept this warning. The zone is guessed: the last two labels, or three where the \
last but one is a category under a country (`example.co.uk`). Where the guess is wrong, accept it too.

Source: Cloudflare, \"Universal SSL: limitations\".",
    scope: Scope::Present,
    check,
};

fn check(topology: &Topology, findings: &mut Findings) {
    let Some(tunnel) = &topology.cloudflare_tunnel else { return };
    let at = tunnel.origin.key("hostnames");
    for (position, hostname) in tunnel.hostnames.iter().enumerate() {
        let Some(zone) = zone_too_far_above(hostname) else { continue };
        let message = format!(
            "`{hostname}` is more than one level below `{zone}`, and has no universal certificate"
        );
        let finding = Finding::new(message, &at.index(position), "too deep")
            .help(format!("take a name one level below `{zone}`, or order a certificate for it"));
        findings.push(finding);
    }
}

/// The zone that a name probably belongs to, where it is not directly below it.
fn zone_too_far_above(hostname: &Hostname) -> Option<String> {
    let labels: Vec<_> = hostname.as_str().split('.').collect();
    let of_zone = if is_country_category(&labels) { 3 } else { 2 };
    let below = labels.len().checked_sub(of_zone)?;
    (below > 1).then(|| labels[below..].join("."))
}

/// `co.uk`, `com.cn`, `ne.jp`: a short label below a country's.
fn is_country_category(labels: &[&str]) -> bool {
    matches!(labels, [.., category, country] if category.len() <= 3 && country.len() == 2)
}

#[cfg(test)]
mod tests {
    use super::zone_too_far_above;
    use meshwright_value::{Hostname, Text};

    #[test]
    fn zones_are_guessed() {
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
            assert_eq!(zone_too_far_above(&hostname).as_deref(), zone, "{name}");
        }
    }
}
