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
    let Some(source) = topology.firewall.ssh_from.iter().find(|source| source.is_everything())
    else {
        return;
    };
    let at = topology.firewall.origin.key("ssh_from");
    let label = format!("`firewall.ssh_from` has `{source}`");
    let finding = Finding::new("SSH is open to the whole Internet", &at, label);
    findings.push(finding.help("write the addresses that you log in from: `[\"203.0.113.7\"]`"));
}
