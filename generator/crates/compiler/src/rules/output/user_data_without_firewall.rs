//! Warns when the firewall of a node does not fit into its user-data.

use super::{OutputSizes, UserDataSize};
use crate::check::{Findings, Rule, Scope, Theme};
use crate::diagnostic::{Finding, Severity};

pub(super) const RULE: Rule<OutputSizes> = Rule {
    code: "user-data-without-firewall",
    severity: Severity::Warning,
    theme: Theme::Hosts,
    summary: "the firewall of a node does not fit into its user-data",
    explain: "\
Files that do not fit into the provider's limit for user-data are sent later by `export`. Files that \
are used only after the first delivery (those of WireGuard and kubeadm) are left out first, the \
firewall last. Without the firewall, the host's public side is open until the first delivery: any \
address can reach sshd and every service that the provider's image starts.

Deliver soon after the machine is created, or use the provider's own firewall until then. If your \
provider has a higher limit, set `provider`: without it, the smallest limit is assumed. The first lines \
of each user-data.yaml list the files that were left out.

Source: the limits in `generator/crates/value/src/provider.rs`, each with its own source.",
    scope: Scope::Present,
    check,
};

fn check(output: &OutputSizes, findings: &mut Findings) {
    let is_open = |kind: &UserDataSize| kind.left_out.iter().any(|path| path == FIREWALL);
    if let Some((first, nodes)) = output.nodes_at_fault(is_open) {
        let message = format!(
            "the user-data of {} does not contain the firewall",
            UserDataSize::names(&nodes)
        );
        let at = first.nodes[0].1.key("provider");
        let label = format!("accepts {} bytes of user-data", first.limit);
        let finding = Finding::new(message, &at, label);
        findings
            .push(finding.help("deliver soon after the first boot: the host is open until then"));
    }
}

/// The path of the firewall on a host, as in `render/host_tree.rs`.
const FIREWALL: &str = "/etc/meshwright/nftables.conf";
