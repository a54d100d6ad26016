//! Refuses a hostname that is listed twice for the tunnel.

use crate::check::{Findings, Rule, Scope, Theme};
use crate::diagnostic::{Finding, Severity};
use crate::topology::Topology;
use crate::topology::member::duplicates;
use crate::topology::public_name::public_names;

pub(super) const RULE: Rule<Topology> = Rule {
    code: "hostname-duplicate",
    severity: Severity::Error,
    theme: Theme::Ingress,
    summary: "a hostname of the tunnel is listed twice",
    explain: "\
cloudflared uses the first rule that matches, and does not report a second rule for the same name. \
Probably one of the two should be another name. That name would not work: the tunnel has no rule for \
it, and it has no DNS record.

Remove one of the two, or write the right name.

Source: cloudflared, `FindMatchingRule` in ingress/ingress.go.",
    scope: Scope::Present,
    check,
};

fn check(topology: &Topology, findings: &mut Findings) {
    let Some(tunnel) = &topology.cloudflare_tunnel else { return };
    let names: Vec<_> = public_names(tunnel).collect();
    for (later, first) in duplicates(names.iter().map(|name| (name.hostname, name))) {
        let message = format!("the hostname `{}` of the tunnel is listed twice", later.hostname);
        let finding = Finding::new(message, &later.at, "used again here")
            .and(&first.at, "first used here")
            .help("remove one of the two, or write the right name");
        findings.push(finding);
    }
}
