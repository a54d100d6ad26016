//! Refuses user-data that is larger than its provider's limit.

use super::{OutputSizes, UserDataSize};
use crate::check::{Findings, Rule, Scope, Theme};
use crate::diagnostic::{Finding, Severity};

pub(super) const RULE: Rule<OutputSizes> = Rule {
    code: "user-data-too-large",
    severity: Severity::Error,
    theme: Theme::Hosts,
    summary: "the user-data of a node is larger than its provider's limit",
    explain: "\
Every provider limits the size of user-data, in bytes: gcp 262,144; digitalocean 65,536; azure 65,535; \
alibaba and hetzner 32,768; oracle 24,000; the others, and where none is set, 16,384. The files that a \
host uses before its first delivery must be in the user-data: the script of the first boot, \
its firewall, the systemd units and containerd's configuration. They are compressed, all in one script, and \
together they are too large. The provider would refuse to create the machine, or cut the text \
short: such a host does nothing at its first boot.

Declare fewer mirrors in `[images]`: each mirror is a file on every host. If your provider has a higher \
limit, set `provider`: without it, the smallest limit is assumed.

Source: the limits in `generator/crates/value/src/provider.rs`, each with its own source.",
    scope: Scope::Present,
    check,
};

fn check(output: &OutputSizes, findings: &mut Findings) {
    if let Some((first, nodes)) = output.nodes_at_fault(|kind| !kind.fits()) {
        let (names, size, limit) = (UserDataSize::names(&nodes), first.size, first.limit);
        let message =
            format!("the user-data of {names} has {size} bytes, and the limit is {limit}");
        let at = first.nodes[0].1.key("provider");
        let finding = Finding::new(message, &at, format!("accepts at most {limit} bytes"));
        findings.push(finding.help("declare fewer mirrors in `[images]`, or set `provider`"));
    }
}
