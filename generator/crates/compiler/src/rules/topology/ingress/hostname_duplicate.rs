//! The tunnel has each hostname once.

use crate::check::{Findings, Rule, Scope, Theme};
use crate::diagnostic::{Finding, Severity};
use crate::topology::Topology;
use crate::topology::member::duplicates;

pub(super) const RULE: Rule<Topology> = Rule {
    code: "hostname-duplicate",
    severity: Severity::Error,
    theme: Theme::Ingress,
    summary: "the tunnel has a hostname twice",
    explain: "\
cloudflared takes the first rule that matches and says nothing of a second one for the same name. One of \
the two was probably meant to be another name, which would then lead nowhere: no rule of the tunnel, no \
DNS record.

Remove one of the two, or write the name that was meant.

Source: cloudflared, `FindMatchingRule` in ingress/ingress.go.",
    scope: Scope::Present,
    check,
};

fn check(topology: &Topology, findings: &mut Findings) {
    let Some(tunnel) = &topology.cloudflare_tunnel else { return };
    let at = tunnel.origin.key("hostnames");
    let hostnames = tunnel.hostnames.iter().enumerate();
    let hostnames = hostnames.map(|(position, hostname)| (hostname, (position, hostname)));
    for ((position, hostname), (earlier, _)) in duplicates(hostnames) {
        let message = format!("the tunnel has the hostname `{hostname}` twice");
        let finding = Finding::new(message, &at.index(position), "used again here")
            .and(&at.index(earlier), "first used here")
            .help("remove one of the two, or write the name that was meant");
        findings.push(finding);
    }
}
