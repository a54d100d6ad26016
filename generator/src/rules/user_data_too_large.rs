//! The first boot fits into what the provider takes.

use super::user_data::{measure, together};
use super::{Findings, Rule, Scope, Theme};
use crate::diagnostic::{Finding, Severity};
use crate::plan::Plan;

pub(super) const RULE: Rule<Plan> = Rule {
    code: "user-data-too-large",
    severity: Severity::Error,
    theme: Theme::Hosts,
    summary: "the user-data of a node does not fit into what its provider takes",
    explain: "\
A provider takes so many bytes of user-data and no more: 16,384 at the smallest. What a host needs later \
comes with `export`, and is left out where it does not fit; the rest is compressed. But the script of the \
first boot, the units and containerd's configuration must be there, and together they are too large. The \
provider would refuse to make the machine, or cut the text short: a host that does nothing at boot.

Declare fewer mirrors in `[images]`, each of which is a file on every host. Or, where you know that the \
provider takes more, name it with `provider`: without one, the smallest limit of all is assumed.

Source: the limits in `generator/src/provider.rs`, each with its own.",
    scope: Scope::Present,
    check,
};

fn check(plan: &Plan, findings: &mut Findings) {
    if let Some(found) = together(measure(plan).into_iter().filter(|found| !found.fits())) {
        let (names, size, limit) = (found.names(), found.size, found.limit);
        let message = format!("the user-data of {names} takes {size} bytes of {limit}");
        let at = found.nodes[0].origin.key("provider");
        let finding = Finding::new(message, &at, format!("takes {limit} bytes at the most"));
        findings.push(finding.help("declare fewer mirrors in `[images]`, or the provider"));
    }
}
