//! The id of a node that was removed is never given again.

use std::collections::BTreeMap;

use crate::check::{Findings, Rule, Scope, Theme};
use crate::diagnostic::{Finding, Severity};
use crate::topology::Topology;
use crate::topology::member::{free_ids, members};

pub(super) const RULE: Rule<Topology> = Rule {
    code: "id-retired",
    severity: Severity::Error,
    theme: Theme::Addresses,
    summary: "a machine has the id of a node that was removed",
    explain: "\
`cluster.retired_ids` holds the ids of nodes that were removed. Until the last machine has received \
its new files, some peer still sends the old node's address and pod block to the old node's key, and \
Calico's IPAM may still hold the block as affine to it: a new machine with the id would be reachable \
from some nodes and not from others.

Take the free id in the help. Remove the id from `retired_ids` only when the old machine is wiped and \
every node has been delivered since.",
    scope: Scope::Present,
    check,
};

fn check(topology: &Topology, findings: &mut Findings) {
    let retired = topology.cluster.retired_ids.iter().enumerate();
    let retired: BTreeMap<_, _> = retired.map(|(index, id)| (*id, index)).collect();
    let at = topology.cluster.origin.key("retired_ids");
    let revived = members(topology)
        .filter_map(|machine| retired.get(&machine.id).map(|index| (machine, *index)));
    for ((machine, index), free) in revived.zip(free_ids(topology)) {
        let message = format!("`{}` has the retired id {}", machine.name, machine.id);
        let finding = Finding::new(message, &machine.origin.key("id"), "belonged to another node")
            .and(&at.index(index), "retired here");
        findings.push(finding.help(format!("`id = {free}` is free")));
    }
}
