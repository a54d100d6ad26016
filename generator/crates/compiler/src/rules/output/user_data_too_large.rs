//! The first boot fits into what the provider takes.

use super::{Output, UserDataSize};
use crate::check::{Findings, Rule, Scope, Theme};
use crate::diagnostic::{Finding, Severity};

pub(super) const RULE: Rule<Output> = Rule {
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

fn check(output: &Output, findings: &mut Findings) {
    if let Some((first, nodes)) = output.together(|kind| !kind.fits()) {
        let (names, size, limit) = (UserDataSize::names(&nodes), first.size, first.limit);
        let message = format!("the user-data of {names} takes {size} bytes of {limit}");
        let at = first.nodes[0].1.key("provider");
        let finding = Finding::new(message, &at, format!("takes {limit} bytes at the most"));
        findings.push(finding.help("declare fewer mirrors in `[images]`, or the provider"));
    }
}
