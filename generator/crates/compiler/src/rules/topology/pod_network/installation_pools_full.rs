//! Refuses more pools than fit into Calico's Installation.

use crate::check::{Findings, Rule, Scope, Theme};
use crate::derive::pool::{INSTALLATION_POOLS, is_in_installation};
use crate::diagnostic::{Finding, Severity};
use crate::topology::Topology;
use meshwright_value::Role;

pub(super) const RULE: Rule<Topology> = Rule {
    code: "installation-pools-full",
    severity: Severity::Error,
    theme: Theme::PodNetwork,
    summary: "more pools than fit into Calico's Installation",
    explain: "\
Each node has a pool of its own. Calico's Installation has those of all control planes, and those of the \
workers with an id below 25; the other pools are separate objects. The operator deletes a pool that leaves \
the Installation, with all addresses in use. So a pool is never moved to make room, and the place of a pool \
depends only on the node's role and id. The Installation accepts 25 pools.

Give some workers ids of 25 or more. Do it before they join: a new id is a new address and a new block of \
pods.

Source: tigera/operator, `Installation.spec.calicoNetwork.ipPools`, maxItems 25; its \
pkg/controller/ippool/pool_controller.go.",
    scope: Scope::Tables(&["nodes"]),
    check,
};

fn check(topology: &Topology, findings: &mut Findings) {
    let members: Vec<_> =
        topology.nodes.iter().filter(|node| is_in_installation(node.id, node.role)).collect();
    let Some(last) = members.iter().rev().find(|node| node.role == Role::Worker) else { return };
    if members.len() <= INSTALLATION_POOLS {
        return;
    }
    let count = members.len();
    let message = format!("{count} pools are in Calico's Installation, and it accepts 25");
    let finding = Finding::new(message, &last.origin.key("id"), "a worker with an id below 25");
    findings.push(
        finding.help(format!(
            "give {} of the workers an id of 25 or more",
            count - INSTALLATION_POOLS
        )),
    );
}
