//! Nodes and clients are numbered together.

use crate::check::{Findings, Rule, Scope, Theme};
use crate::diagnostic::{Finding, Severity};
use crate::topology::Topology;
use crate::topology::member::{duplicates, free_ids, members};

pub(super) const RULE: Rule<Topology> = Rule {
    code: "id-duplicate",
    severity: Severity::Error,
    theme: Theme::Addresses,
    summary: "two machines have one id",
    explain: "\
The id gives a machine its address in the mesh and a node its pod block. Two machines with one id \
would have the same AllowedIPs on every peer, and WireGuard gives an address to the peer that was set \
last, without a word: the other one is unreachable. Clients are numbered with the nodes, since both \
live in `node_subnet`.

Give one of the two the id in the help, which nobody has or had.

Source: wg(8), AllowedIPs; `allowedips.c` of WireGuard.",
    scope: Scope::Present,
    check,
};

fn check(topology: &Topology, findings: &mut Findings) {
    let owners = members(topology).map(|machine| (machine.id, machine));
    for ((later, first), free) in duplicates(owners).zip(free_ids(topology)) {
        let message = format!("`{}` and `{}` have the id {}", first.name, later.name, later.id);
        let finding = Finding::new(message, &later.origin.key("id"), "used again here")
            .and(&first.origin.key("id"), "first used here");
        findings.push(finding.help(format!("`id = {free}` is free")));
    }
}
