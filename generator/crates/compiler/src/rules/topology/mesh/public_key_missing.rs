//! Every machine has a key.

use crate::check::{Findings, Rule, Scope, Theme};
use crate::diagnostic::wording::{NAMED, list};
use crate::diagnostic::{Finding, Severity};
use crate::topology::Topology;
use crate::topology::member::members;

pub(super) const RULE: Rule<Topology> = Rule {
    code: "public-key-missing",
    severity: Severity::Error,
    theme: Theme::Mesh,
    summary: "a machine has no public key",
    explain: "\
Peers know a machine by its public key alone; without one, no file of any node can be written.

Run `meshwright keys`: it makes a key pair for each machine that has none, writes the public half into \
`topology.toml` and the private half into `secrets/`. A key that was made on the machine itself, with \
`wg genkey | tee wg0.key | wg pubkey`, can be written by hand.

Source: wg(8).",
    scope: Scope::Tables(&["clients", "nodes"]),
    check,
};

fn check(topology: &Topology, findings: &mut Findings) {
    let without = members(topology).filter(|machine| machine.public_key.is_none());
    let without: Vec<_> = without.collect();
    let Some((first, others)) = without.split_first() else { return };
    let names: Vec<_> = without.iter().map(|machine| machine.name).collect();
    let verb = if others.is_empty() { "has" } else { "have" };
    let message = format!("{} {verb} no public key", list(&names, "and"));
    let label = "has no `public_key`";
    let mut finding = Finding::new(message, &first.origin.key("name"), label);
    for other in others.iter().take(NAMED - 1) {
        finding = finding.and(&other.origin.key("name"), label);
    }
    findings.push(finding.help("run `meshwright keys`"));
}
