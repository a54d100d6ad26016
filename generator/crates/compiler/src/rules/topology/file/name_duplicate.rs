//! Refuses two nodes, clients, sites or networks with the same name.

use crate::check::{Findings, Rule, Scope, Theme};
use crate::diagnostic::{Finding, Severity};
use crate::topology::Topology;
use crate::topology::member::{duplicates, members};

pub(super) const RULE: Rule<Topology> = Rule {
    code: "name-duplicate",
    severity: Severity::Error,
    theme: Theme::File,
    summary: "two nodes, clients, sites or networks have the same name",
    explain: "\
The name of a node is its hostname, the name of its Node object and the name of its folder in `out/`. A \
second node with the same name would replace the first one in Kubernetes and overwrite its files. Nodes \
and clients share one set of names, because keys, preshared keys and `via` refer to them by name alone. \
Two sites with the same name would be one site: their nodes would connect to each other at addresses of \
different LANs. Two networks of `[[networks]]` with the same name could not be told apart in a message.

Rename one of the two.",
    scope: Scope::Present,
    check,
};

fn check(topology: &Topology, findings: &mut Findings) {
    let named_members = members(topology).map(|member| (member.name, (member.name, member.origin)));
    let sites = topology.sites.iter().map(|site| (&site.name, (&site.name, &site.origin)));
    let networks = topology.networks.iter();
    let networks = networks.map(|network| (&network.name, (&network.name, &network.origin)));
    let all = duplicates(named_members).chain(duplicates(sites)).chain(duplicates(networks));
    for ((name, later), (_, first)) in all {
        let message = format!("the name `{name}` is used twice");
        let finding = Finding::new(message, &later.key("name"), "used again here")
            .and(&first.key("name"), "first used here");
        findings.push(finding.help("give one of the two another name"));
    }
}
