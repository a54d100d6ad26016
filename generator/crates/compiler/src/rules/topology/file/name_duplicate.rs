//! Every machine and every site has a name of its own.

use crate::check::{Findings, Rule, Scope, Theme};
use crate::diagnostic::{Finding, Severity};
use crate::topology::Topology;
use crate::topology::member::{duplicates, members};

pub(super) const RULE: Rule<Topology> = Rule {
    code: "name-duplicate",
    severity: Severity::Error,
    theme: Theme::File,
    summary: "two machines or two sites have one name",
    explain: "\
A node's name is its hostname, the name of its Node object and of its folder in `out/`: a second node \
of that name would take the first one's place in Kubernetes and overwrite its files. Clients share the \
names of the nodes because keys, preshared keys and `via` go by the name alone. Two sites of one name \
would be one site, and their nodes would call each other at addresses that lie in different LANs.

Rename one of the two.",
    scope: Scope::Present,
    check,
};

fn check(topology: &Topology, findings: &mut Findings) {
    let machines = members(topology).map(|machine| (machine.name, machine.origin));
    let sites = topology.sites.iter().map(|site| (&site.name, &site.origin));
    let machines = duplicates(machines.map(|owner| (owner.0, owner)));
    let sites = duplicates(sites.map(|owner| (owner.0, owner)));
    for ((name, later), (_, first)) in machines.chain(sites) {
        let message = format!("the name `{name}` is used twice");
        let finding = Finding::new(message, &later.key("name"), "used again here")
            .and(&first.key("name"), "first used here");
        findings.push(finding.help("give one of the two another name"));
    }
}
