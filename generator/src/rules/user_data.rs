//! What user-data comes to, for the rules about it. The only rules that look at what is rendered:
//! whether it fits is known of the document alone.

use std::collections::BTreeMap;

use crate::plan::{Node, Plan};
use crate::render::{Rendering, user_data};

/// The user-data of a node, and of those whose user-data is as large but for a few bytes.
pub(super) struct Measured<'plan> {
    /// The first was measured.
    pub(super) nodes: Vec<&'plan Node>,
    /// In bytes.
    pub(super) size: usize,
    /// What its provider takes, in bytes.
    pub(super) limit: usize,
    /// The paths of what is left to `export`.
    pub(super) left_out: Vec<String>,
}

impl Measured<'_> {
    /// Whether its provider takes it.
    pub(super) fn fits(&self) -> bool {
        self.size <= self.limit
    }

    /// `tokyo`, or `tokyo` and those that are like it.
    pub(super) fn names(&self) -> String {
        match &*self.nodes {
            [node] => format!("`{}`", node.name),
            nodes => format!("`{}` and {} more", nodes[0].name, nodes.len() - 1),
        }
    }
}

/// All nodes of several kinds, with what was measured of the first: a cluster is told once.
pub(super) fn together<'plan>(
    kinds: impl Iterator<Item = Measured<'plan>>,
) -> Option<Measured<'plan>> {
    kinds.reduce(|mut first, other| {
        first.nodes.extend(other.nodes);
        first
    })
}

/// Renders one of each kind of nodes: all of them would take as long as `generate` in a large mesh.
pub(super) fn measure(plan: &Plan) -> Vec<Measured<'_>> {
    let mut kinds: BTreeMap<_, Vec<&Node>> = BTreeMap::new();
    for node in plan.nodes.iter().filter(|node| !node.os.is_nixos()) {
        let limit = node.provider.user_data_limit;
        let shape = (node.role, node.is_public(), node.name.as_str().len());
        let lists = (&node.open_ports, &node.labels, &node.taints);
        kinds.entry((limit, shape, lists)).or_default().push(node);
    }
    let rendering = Rendering::draft(plan);
    let measured = kinds.into_values().map(|nodes| {
        let artifacts = rendering.node(nodes[0]);
        let document = artifacts.get(&user_data::path(nodes[0]));
        Measured {
            size: document.len(),
            limit: nodes[0].provider.user_data_limit,
            left_out: user_data::left_out(document),
            nodes,
        }
    });
    measured.collect()
}

#[cfg(test)]
mod tests {
    use super::Measured;

    #[test]
    fn limits_are_taken_whole() {
        let fits = |size| Measured { nodes: vec![], size, limit: 16_384, left_out: vec![] }.fits();
        assert!(fits(16_384) && !fits(16_385));
    }
}
