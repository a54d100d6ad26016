//! Warns when Cloudflare's universal certificate does not cover a hostname.

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
The free certificate of a zone covers the name of the zone and one level below it: `example.com` and \
`*.example.com`, but not `a.b.example.com` and not `*.b.example.com`. For a deeper name, visitors see a \
TLS error at the edge, and the request does not reach the tunnel.

Use a name one level below the zone, such as `a-b.example.com`. Or order an advanced certificate or \
enable Total TLS, and accept this warning. The zone is a guess: the last two labels, or the last three \
if the last but one is a category under a country (`example.co.uk`). If the guess is wrong, accept the \
warning.

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
            "the universal certificate does not cover `{hostname}`: it is more than one level below \
             `{zone}`"
        );
        let finding = Finding::new(message, &at.index(position), "too deep")
            .help(format!("use a name one level below `{zone}`, or order a certificate for it"));
        findings.push(finding);
    }
}

/// The zone that a name probably belongs to, if the name is more than one level below it.
fn zone_too_far_above(hostname: &Hostname) -> Option<String> {
    let labels: Vec<_> = hostname.as_str().split('.').collect();
    let zone_labels = if is_country_category(&labels) { 3 } else { 2 };
    let below = labels.len().checked_sub(zone_labels)?;
    (below > 1).then(|| labels[below..].join("."))
}

/// Whether a name ends like `co.uk`, `com.cn`, `ne.jp`: a short label below a country's label.
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
