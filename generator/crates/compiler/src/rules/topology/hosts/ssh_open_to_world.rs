//! SSH is for those who administer the cluster.

use crate::check::{Findings, Rule, Scope, Theme};
use crate::diagnostic::{Finding, Severity};
use crate::topology::Topology;

pub(super) const RULE: Rule<Topology> = Rule {
    code: "ssh-open-to-world",
    severity: Severity::Warning,
    theme: Theme::Hosts,
    summary: "SSH is open to the whole Internet",
    explain: "\
Beside WireGuard's port, which stays silent to strangers, SSH is the only thing that a node answers on \
its public side. Open to everybody it is found within minutes and tried without end; one weak password, \
or one hole in sshd, is the way to every private key on the node.

Write the addresses that you log in from into `firewall.ssh_from`. Clients reach SSH through the mesh in \
any case, so once one of them works, one address is enough. The default is open on purpose: a cluster \
that locks its owner out on the first day helps nobody. Where only keys are accepted, this warning may \
be accepted too.",
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
