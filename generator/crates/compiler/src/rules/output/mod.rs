//! The rules about what is rendered.

mod user_data_too_large;
mod user_data_without_firewall;

use std::collections::BTreeMap;

use meshwright_value::Name;

use crate::check::Rule;
use crate::plan::Node;
use crate::render::Rendering;
use crate::route::Route;

/// Every rule about the output.
pub const RULES: &[Rule<Output>] = &[user_data_too_large::RULE, user_data_without_firewall::RULE];

/// What the rules look at: the measures of a rendering.
#[derive(Debug)]
pub struct Output {
    /// The user-data of each kind of node. A NixOS host has none.
    pub user_data: Vec<UserDataSize>,
}

/// The user-data of a node, and of those whose user-data is as large but for a few bytes.
#[derive(Debug)]
pub struct UserDataSize {
    /// The nodes, with their tables in the topology. The first was measured.
    pub nodes: Vec<(Name, Route)>,
    /// In bytes.
    pub size: usize,
    /// What its provider takes, in bytes.
    pub limit: usize,
    /// The paths of what is left to `export`.
    pub left_out: Vec<String>,
}

impl UserDataSize {
    /// Whether its provider takes it.
    fn fits(&self) -> bool {
        self.size <= self.limit
    }

    /// `tokyo`, or `tokyo` and those that are like it.
    fn names(nodes: &[&(Name, Route)]) -> String {
        match nodes {
            [(name, _)] => format!("`{name}`"),
            [(name, _), others @ ..] => format!("`{name}` and {} more", others.len()),
            [] => String::new(),
        }
    }
}

impl Output {
    /// Renders the user-data of one of each kind of nodes: all of them would take as long as
    /// `generate` in a large mesh.
    #[must_use]
    pub fn measure(rendering: &Rendering<'_>) -> Self {
        let mut kinds: BTreeMap<_, Vec<&Node>> = BTreeMap::new();
        for node in &rendering.plan().nodes {
            let limit = node.provider.user_data_limit;
            let shape = (node.role, node.is_public(), node.name.as_str().len());
            let lists = (&node.open_ports, &node.labels, &node.taints);
            kinds.entry((limit, shape, lists)).or_default().push(node);
        }
        let measured = kinds.into_values().filter_map(|nodes| {
            let user_data = rendering.user_data(nodes[0])?;
            Some(UserDataSize {
                size: user_data.document.len(),
                limit: nodes[0].provider.user_data_limit,
                left_out: user_data.left_out,
                nodes: nodes.iter().map(|node| (node.name.clone(), node.origin.clone())).collect(),
            })
        });
        Self { user_data: measured.collect() }
    }

    /// All nodes of the kinds that `is_meant` picks, with the first kind: a cluster is told once.
    fn together(
        &self,
        is_meant: impl Fn(&UserDataSize) -> bool,
    ) -> Option<(&UserDataSize, Vec<&(Name, Route)>)> {
        let kinds: Vec<_> = self.user_data.iter().filter(|kind| is_meant(kind)).collect();
        let nodes = kinds.iter().flat_map(|kind| &kind.nodes).collect();
        kinds.first().map(|first| (*first, nodes))
    }
}

#[cfg(test)]
mod tests {
    use super::UserDataSize;

    #[test]
    fn limits_are_taken_whole() {
        let fits =
            |size| UserDataSize { nodes: vec![], size, limit: 16_384, left_out: vec![] }.fits();
        assert!(fits(16_384) && !fits(16_385));
    }
}
