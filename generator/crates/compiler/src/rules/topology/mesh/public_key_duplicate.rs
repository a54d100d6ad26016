//! Refuses two nodes or clients with the same public key.

use crate::check::{Findings, Rule, Scope, Theme};
use crate::diagnostic::{Finding, Severity};
use crate::topology::Topology;
use crate::topology::member::{duplicates, members};

pub(super) const RULE: Rule<Topology> = Rule {
    code: "public-key-duplicate",
    severity: Severity::Error,
    theme: Theme::Mesh,
    summary: "two nodes or clients have the same public key",
    explain: "\
WireGuard identifies a peer by its public key alone. If two nodes or clients have the same key, they \
are one peer on every other node: the second section replaces the AllowedIPs of the first, and the \
endpoint changes to the machine that sent the last packet. The usual cause is a cloned disk image, or a \
table that was copied to start a new one. With a cloned image, both machines also have the same private \
key.

Remove the copied `public_key` and run `meshwright keys`, which generates the missing key.

Source: wg(8), \"peer\".",
    scope: Scope::Present,
    check,
};

fn check(topology: &Topology, findings: &mut Findings) {
    let owners = members(topology).filter_map(|member| member.public_key.map(|key| (key, member)));
    for (later, first) in duplicates(owners) {
        let message = format!("`{}` has the public key of `{}`", later.name, first.name);
        let finding = Finding::new(message, &later.origin.key("public_key"), "used again here")
            .and(&first.origin.key("public_key"), "first used here");
        let help = "remove the copied key and run `meshwright keys`";
        findings.push(finding.help(help));
    }
}
