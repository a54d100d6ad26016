//! Rules about the rendered files, such as the size of the user-data.

mod user_data_too_large;

use std::collections::BTreeMap;

use meshwright_value::Name;

use crate::check::Rule;
use crate::plan::NodePlan;
use crate::render::Rendering;
use crate::route::Route;

/// All rules about the output.
pub const RULES: &[Rule<OutputSizes>] = &[user_data_too_large::RULE];

/// The sizes that the rules check.
#[derive(Debug)]
pub struct OutputSizes {
    /// The user-data of each kind of node. A NixOS host has no user-data.
    pub user_data: Vec<UserDataSize>,
}

/// The size of the user-data of one kind of node. The sizes within a kind differ by a few bytes.
#[derive(Debug)]
pub struct UserDataSize {
    /// The nodes, with their tables in the topology. The first one was measured.
    pub nodes: Vec<(Name, Route)>,
    /// The size in bytes.
    pub size: usize,
    /// The provider's limit in bytes.
    pub limit: usize,
}

impl UserDataSize {
    /// Whether the size is within the provider's limit.
    fn fits(&self) -> bool {
        self.size <= self.limit
    }

    /// The first name, and how many nodes more.
    fn names(nodes: &[&(Name, Route)]) -> String {
        match nodes {
            [(name, _)] => format!("`{name}`"),
            [(name, _), others @ ..] => format!("`{name}` and {} more", others.len()),
            [] => String::new(),
        }
    }
}

impl OutputSizes {
    /// Renders the user-data of one node of each kind. For all nodes of a large mesh, this would
    /// take as long as `generate`.
    #[must_use]
    pub fn measure(rendering: &Rendering<'_>) -> Self {
        let mut kinds: BTreeMap<_, Vec<&NodePlan>> = BTreeMap::new();
        for node in &rendering.plan().nodes {
            let limit = node.provider.user_data_limit;
            let shape = (node.role, node.is_public(), node.name.as_str().len());
            let lists = (&node.open_ports, &node.labels, &node.taints);
            kinds.entry((limit, shape, lists)).or_default().push(node);
        }
        let measured = kinds.into_values().filter_map(|nodes| {
            let user_data = rendering.user_data(nodes[0])?;
            Some(UserDataSize {
                size: user_data.len(),
                limit: nodes[0].provider.user_data_limit,
                nodes: nodes.iter().map(|node| (node.name.clone(), node.origin.clone())).collect(),
            })
        });
        Self { user_data: measured.collect() }
    }

    /// The first kind that `is_at_fault` selects, and the nodes of all selected kinds: one
    /// diagnostic reports all of them.
    fn nodes_at_fault(
        &self,
        is_at_fault: impl Fn(&UserDataSize) -> bool,
    ) -> Option<(&UserDataSize, Vec<&(Name, Route)>)> {
        let kinds: Vec<_> = self.user_data.iter().filter(|kind| is_at_fault(kind)).collect();
        let nodes = kinds.iter().flat_map(|kind| &kind.nodes).collect();
        kinds.first().map(|first| (*first, nodes))
    }
}

#[cfg(test)]
mod tests {
    use super::UserDataSize;

    #[test]
    fn a_size_equal_to_the_limit_fits() {
        let fits = |size| UserDataSize { nodes: vec![], size, limit: 16_384 }.fits();
        assert!(fits(16_384) && !fits(16_385));
    }
}
