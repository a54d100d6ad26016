//! Refuses a node or client without a public key.

use crate::check::{Findings, Rule, Scope, Theme};
use crate::diagnostic::wording::{NAMED, list};
use crate::diagnostic::{Finding, Severity};
use crate::topology::Topology;
use crate::topology::member::members;

pub(super) const RULE: Rule<Topology> = Rule {
    code: "public-key-missing",
    severity: Severity::Error,
    theme: Theme::Mesh,
    summary: "a node or client has no public key",
    explain: "\
WireGuard identifies a peer by its public key alone. Without the key, the configuration of no node can \
be written.

Run `meshwright keys`. It generates a key pair for each node and client without one, and writes the \
public key into `topology.toml` and the private key into `secrets/`. If you generated a key on the \
machine itself, with `wg genkey | tee wg0.key | wg pubkey`, write its public key by hand.

Source: wg(8).",
    scope: Scope::Tables(&["clients", "nodes"]),
    check,
};

fn check(topology: &Topology, findings: &mut Findings) {
    let without: Vec<_> = members(topology).filter(|member| member.public_key.is_none()).collect();
    let Some((first, others)) = without.split_first() else { return };
    let names: Vec<_> = without.iter().map(|member| member.name).collect();
    let verb = if others.is_empty() { "has" } else { "have" };
    let message = format!("{} {verb} no public key", list(&names, "and"));
    let label = "has no `public_key`";
    let mut finding = Finding::new(message, &first.origin.key("name"), label);
    for other in others.iter().take(NAMED - 1) {
        finding = finding.and(&other.origin.key("name"), label);
    }
    findings.push(finding.help("run `meshwright keys`"));
}
