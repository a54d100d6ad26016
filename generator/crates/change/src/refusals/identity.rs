//! A node keeps its name and its number for its life: its certificates, its Node object and the addresses of its pods
//! depend on them.

use super::{Refusal, RefusedValue};
use crate::tree::ComparedTree;
use meshwright_proof::facts::{NodeFacts, PoolFacts};

pub(super) fn find(old: &ComparedTree, new: &ComparedTree) -> Vec<Refusal> {
    let kept = new.facts.nodes.iter().filter_map(|node| Some((old.node(&node.name)?, node)));
    let renumbered = kept.filter(|(before, after)| before.address != after.address);
    let mut refusals: Vec<_> =
        renumbered.map(|(before, after)| renumbered_node(before, after)).collect();
    let gone = || old.facts.nodes.iter().filter(|node| new.node(&node.name).is_none());
    let added = new.facts.nodes.iter().filter(|node| old.node(&node.name).is_none());
    for node in added {
        let key = new.key(&node.name);
        let is_same_key = |other: &&NodeFacts| key.is_some() && old.key(&other.name) == key;
        if let Some(before) = gone().find(is_same_key) {
            refusals.push(renamed_node(before, node));
        } else if let Some(before) = old.facts.nodes.iter().find(|one| one.address == node.address)
        {
            // A node that was renumbered is reported above.
            let is_gone = new.node(&before.name).is_none();
            refusals.extend(is_gone.then(|| reused_number(before, node)));
        }
    }
    refusals.extend(moved_blocks(old, new));
    refusals
}

/// The block of a node, if it has one.
fn block<'tree>(tree: &'tree ComparedTree, name: &str) -> Option<&'tree PoolFacts> {
    let objects = &tree.facts.objects;
    let mut pools = objects.pools.iter().chain(&objects.further_pools);
    pools.find(|pool| pool.node == name)
}

/// A node with its own address and blocks of the same size, that has another block; or a new node with a block of
/// another one. Other changes are refused by their own names.
fn moved_blocks(old: &ComparedTree, new: &ComparedTree) -> Vec<Refusal> {
    let is_same_subnet = old.facts.objects.pod_subnet == new.facts.objects.pod_subnet;
    let moved = new.facts.nodes.iter().filter(|_| is_same_subnet).filter_map(|node| {
        let after = block(new, &node.name)?;
        let known = old.node(&node.name);
        let before = match known {
            Some(before) => block(old, &before.name).filter(|_| before.address == node.address)?,
            None => owner_before(old, node, after)?,
        };
        let is_same_size = before.net.prefix_len() == after.net.prefix_len();
        let moves = is_same_size && (before.net != after.net || before.node != after.node);
        moves.then(|| moved_block(before, after))
    });
    moved.collect()
}

/// The block of another node that a new node gets, although its address is another one.
fn owner_before<'tree>(
    old: &'tree ComparedTree,
    node: &NodeFacts,
    after: &PoolFacts,
) -> Option<&'tree PoolFacts> {
    let owner = old.facts.nodes.iter().find(|other| {
        other.address != node.address
            && block(old, &other.name).is_some_and(|one| one.net == after.net)
    })?;
    block(old, &owner.name)
}

fn moved_block(before: &PoolFacts, after: &PoolFacts) -> Refusal {
    let message = if before.node == after.node {
        format!("the pods of {} move from {} to {}", after.node, before.net, after.net)
    } else {
        format!("{} gets the block {} of {}", after.node, after.net, before.node)
    };
    Refusal {
        code: "pod-block-moved",
        subject: RefusedValue::Node { name: after.node.clone(), key: "pod_subnet" },
        message,
        effect: "Calico keeps the old assignment: running pods keep addresses of the old block, and no route and no \
                 AllowedIPs leads to them any more",
        help: "keep the block; or remove the node and add it with a new name and id",
    }
}

fn renumbered_node(before: &NodeFacts, after: &NodeFacts) -> Refusal {
    Refusal {
        code: "node-renumbered",
        subject: RefusedValue::Node { name: after.name.clone(), key: "id" },
        message: format!(
            "{} changes its address from {} to {}",
            after.name, before.address, after.address
        ),
        effect: "kubelet and etcd keep the old address, and the pods keep addresses of the old block",
        help: "remove the node and add it with a new name and id: docs/operations.md, \"Change a name or an id\"",
    }
}

fn renamed_node(before: &NodeFacts, after: &NodeFacts) -> Refusal {
    Refusal {
        code: "node-renamed",
        subject: RefusedValue::Node { name: after.name.clone(), key: "name" },
        message: format!("{} was {}, with the same key", after.name, before.name),
        effect: "the machine refuses the delivery (code 32), and its Node object and block keep the old name",
        help: "remove the node under its old name and add it with a new id: docs/operations.md, \"Change a name or an \
               id\"",
    }
}

fn reused_number(before: &NodeFacts, after: &NodeFacts) -> Refusal {
    Refusal {
        code: "node-number-reused",
        subject: RefusedValue::Node { name: after.name.clone(), key: "id" },
        message: format!("{} gets the address {} of {}", after.name, after.address, before.name),
        effect: "Calico keeps the block for the old node until it is released, so pods of the new node get no address",
        help: "give the new node an id that was never used, and add the old id to `retired_ids`",
    }
}
