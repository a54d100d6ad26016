//! Every machine has a key of its own.

use crate::check::{Findings, Rule, Scope, Theme};
use crate::diagnostic::{Finding, Severity};
use crate::topology::Topology;
use crate::topology::member::{duplicates, members};

pub(super) const RULE: Rule<Topology> = Rule {
    code: "public-key-duplicate",
    severity: Severity::Error,
    theme: Theme::Mesh,
    summary: "two machines have one public key",
    explain: "\
To WireGuard a peer is its public key. Two machines with one key are one peer on every other node: the \
second section replaces the first one's AllowedIPs, and the endpoint jumps to whichever of the two was \
heard last. It mostly comes from a cloned disk image, or from a table that was copied to start the next \
one; then both machines also hold the same private key.

Remove `public_key` where it was copied and run `meshwright keys`, which makes what is missing.

Source: wg(8), \"peer\".",
    scope: Scope::Present,
    check,
};

fn check(topology: &Topology, findings: &mut Findings) {
    let owners =
        members(topology).filter_map(|machine| machine.public_key.map(|key| (key, machine)));
    for (later, first) in duplicates(owners) {
        let message = format!("`{}` has the public key of `{}`", later.name, first.name);
        let finding = Finding::new(message, &later.origin.key("public_key"), "used again here")
            .and(&first.origin.key("public_key"), "first used here");
        let help = "remove the one that was copied and run `meshwright keys`";
        findings.push(finding.help(help));
    }
}
