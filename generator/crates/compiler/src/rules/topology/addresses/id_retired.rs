//! Refuses an id that belonged to a node or client that was removed.

use std::collections::BTreeMap;

use crate::check::{Findings, Rule, Scope, Theme};
use crate::diagnostic::{Finding, Severity};
use crate::topology::Topology;
use crate::topology::member::{free_ids, members};

pub(super) const RULE: Rule<Topology> = Rule {
    code: "id-retired",
    severity: Severity::Error,
    theme: Theme::Addresses,
    summary: "a node or client has the id of one that was removed",
    explain: "\
`cluster.retired_ids` has the ids of nodes and clients that were removed. Until the last node has received its new \
files, some peers still send the address and pod block of the old one to its key. Calico's IPAM \
may also still reserve the block for the old node. A new node or client with this id would be reachable \
from some nodes and not from others.

Use the free id in the help. Remove the id from `retired_ids` only when the old machine is wiped and \
every node has received its new files.",
    scope: Scope::Present,
    check,
};

fn check(topology: &Topology, findings: &mut Findings) {
    let retired_ids = topology.cluster.retired_ids.iter().enumerate();
    let index_by_id: BTreeMap<_, _> = retired_ids.map(|(index, id)| (*id, index)).collect();
    let at = topology.cluster.origin.key("retired_ids");
    let reused = members(topology)
        .filter_map(|member| index_by_id.get(&member.id).map(|index| (member, *index)));
    for ((member, index), free) in reused.zip(free_ids(topology)) {
        let message = format!("`{}` has the retired id {}", member.name, member.id);
        let finding =
            Finding::new(message, &member.origin.key("id"), "the id of a removed node or client")
                .and(&at.index(index), "retired here");
        findings.push(finding.help(format!("`id = {free}` is free")));
    }
}
