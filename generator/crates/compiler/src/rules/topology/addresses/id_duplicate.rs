//! Refuses two nodes or clients with the same id.

use crate::check::{Findings, Rule, Scope, Theme};
use crate::diagnostic::{Finding, Severity};
use crate::topology::Topology;
use crate::topology::member::{duplicates, free_ids, members};

pub(super) const RULE: Rule<Topology> = Rule {
    code: "id-duplicate",
    severity: Severity::Error,
    theme: Theme::Addresses,
    summary: "two nodes or clients have the same id",
    explain: "\
The id of a node or client gives it its mesh address, and gives a node its pod block. If two have the \
same id, they would have the same AllowedIPs on every peer. WireGuard gives an address to the peer that \
was set last, without an error message: the other one is unreachable. Nodes and clients share one set \
of ids, because both have an address in `node_subnet`.

Give one of the two the id in the help, which no node or client has or had.

Source: wg(8), AllowedIPs; `allowedips.c` of WireGuard.",
    scope: Scope::Present,
    check,
};

fn check(topology: &Topology, findings: &mut Findings) {
    let by_id = members(topology).map(|member| (member.id, member));
    for ((later, first), free) in duplicates(by_id).zip(free_ids(topology)) {
        let message =
            format!("`{}` and `{}` both have the id {}", first.name, later.name, later.id);
        let finding = Finding::new(message, &later.origin.key("id"), "used again here")
            .and(&first.origin.key("id"), "first used here");
        findings.push(finding.help(format!("`id = {free}` is free")));
    }
}
