//! A host is closed from its first boot on.

use super::{Output, UserDataSize};
use crate::check::{Findings, Rule, Scope, Theme};
use crate::diagnostic::{Finding, Severity};

pub(super) const RULE: Rule<Output> = Rule {
    code: "user-data-without-firewall",
    severity: Severity::Warning,
    theme: Theme::Hosts,
    summary: "the firewall of a node does not fit into its user-data",
    explain: "\
What does not fit into the user-data that a provider takes comes later, with `export`: first what nothing \
can use before that (WireGuard's files, kubeadm's), and then, if that is not enough, the firewall. Such a \
host is set up and waits, but it is open on its public side until the first delivery: sshd, and whatever \
the provider's image starts, to everybody.

Deliver soon after the machine is made, or close it with the provider's own firewall until then. Where \
you know that the provider takes more, name it with `provider`: without one, the smallest limit of all \
is assumed. The head of each user-data.yaml lists what it leaves out.

Source: the limits in `generator/src/provider.rs`, each with its own.",
    scope: Scope::Present,
    check,
};

fn check(output: &Output, findings: &mut Findings) {
    let is_open = |kind: &UserDataSize| kind.left_out.iter().any(|path| path == FIREWALL);
    if let Some((first, nodes)) = output.together(is_open) {
        let message =
            format!("the firewall of {} is left to `export`", UserDataSize::names(&nodes));
        let at = first.nodes[0].1.key("provider");
        let label = format!("takes {} bytes of user-data", first.limit);
        let finding = Finding::new(message, &at, label);
        findings
            .push(finding.help("deliver soon after the first boot: the host is open until then"));
    }
}

/// Where `host_tree` puts it.
const FIREWALL: &str = "/etc/meshwright/nftables.conf";
