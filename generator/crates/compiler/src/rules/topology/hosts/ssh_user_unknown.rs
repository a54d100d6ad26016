//! Warns when a provider lets the owner choose the user for SSH, and the topology does not name the user.

use crate::check::{Findings, Rule, Scope, Theme};
use crate::derive::ssh::known_user;
use crate::diagnostic::{Finding, Severity};
use crate::topology::Topology;

pub(super) const RULE: Rule<Topology> = Rule {
    code: "ssh-user-unknown",
    severity: Severity::Warning,
    theme: Theme::Hosts,
    summary: "the user for SSH of a node is not known",
    explain: "\
Most providers admit the owner of a new machine as one fixed user: `root`, or the user of the image. \
Azure and Google Cloud create a user whom the owner names, and refuse `root`. So the printed commands \
`meshwright export … | ssh USER@…` contain the placeholder `USER` for this node, also in `out/README.md` \
and on the machine's console.

Write the name into the table of the node: `ssh_user = \"azureuser\"`. On Azure it is the name of the \
administrator; on Google Cloud it is the name before the SSH key in the metadata.

Sources: Azure REST API, `OSProfile.adminUsername`; Google Cloud, \"Add SSH keys to VMs\".",
    scope: Scope::Tables(&["nodes"]),
    check,
};

fn check(topology: &Topology, findings: &mut Findings) {
    for node in topology.nodes.iter().filter(|node| known_user(node).is_none()) {
        let message = format!("the user for SSH of `{}` is not known", node.name);
        let provider = node.origin.key("provider");
        let label = format!("`{}` creates the user that you name", node.provider);
        let finding = Finding::new(message, &provider, label);
        findings.push(finding.help(format!("write `ssh_user` in the table of `{}`", node.name)));
    }
}
