//! Warns when SSH is open to the whole Internet.

use crate::check::{Findings, Rule, Scope, Theme};
use crate::diagnostic::{Finding, Severity};
use crate::topology::Topology;

pub(super) const RULE: Rule<Topology> = Rule {
    code: "ssh-open-to-world",
    severity: Severity::Warning,
    theme: Theme::Hosts,
    summary: "SSH is open to the whole Internet",
    explain: "\
SSH is the only service that a node offers on its public side: WireGuard's port does not answer \
strangers. Attackers find an open SSH port within minutes and try passwords continuously. One weak \
password, or one vulnerability in sshd, gives access to every private key on the node.

Write the addresses that you log in from into `firewall.ssh_from`. Clients always reach SSH through the \
mesh, so one address is enough when a client works. The default is open on purpose, so that a new \
cluster does not lock its owner out. If sshd accepts only keys, you may accept this warning.",
    scope: Scope::Whole,
    check,
};

fn check(topology: &Topology, findings: &mut Findings) {
    let firewall = &topology.firewall;
    let of_nodes = topology.nodes.iter().filter_map(|node| {
        Some((&node.origin, node.ssh_from.as_ref()?, format!("`{}` admits", node.name)))
    });
    let every = "`firewall.ssh_from` has".to_owned();
    for (origin, sources, subject) in
        [(&firewall.origin, &firewall.ssh_from, every)].into_iter().chain(of_nodes)
    {
        let Some(source) = sources.iter().find(|source| source.is_everything()) else { continue };
        let label = format!("{subject} `{source}`");
        let message = "SSH is open to the whole Internet";
        let finding = Finding::new(message, &origin.key("ssh_from"), label);
        findings
            .push(finding.help("write the addresses that you log in from: `[\"203.0.113.7\"]`"));
    }
}
