//! kubeadm gives a node its role when it joins.

use super::{Refusal, RefusedValue};
use crate::tree::ComparedTree;
use meshwright_proof::facts::NodeFacts;

pub(super) fn find(old: &ComparedTree, new: &ComparedTree) -> Vec<Refusal> {
    let kept = new.facts.nodes.iter().filter_map(|node| Some((old.node(&node.name)?, node)));
    let changed = kept.filter(|(before, after)| before.role != after.role);
    changed.map(|(before, after)| changed_role(before, after)).collect()
}

fn changed_role(before: &NodeFacts, after: &NodeFacts) -> Refusal {
    Refusal {
        code: "role-changed",
        subject: RefusedValue::Node { name: after.name.clone(), key: "role" },
        message: format!("{} is a {}, and becomes a {}", after.name, before.role, after.role),
        effect: "`bootstrap` runs kubeadm once: the node keeps the role with which it joined",
        help: "remove the node (drain, `kubeadm reset`, `kubectl delete node`), and add it with a new name and id",
    }
}
