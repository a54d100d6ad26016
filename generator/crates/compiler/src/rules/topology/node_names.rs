//! Keys whose value is the name of a node: `relay`, `via`, `init`, `route_reflectors`.

use std::collections::BTreeMap;

use crate::diagnostic::Finding;
use crate::diagnostic::wording::suggestion;
use crate::route::Route;
use crate::topology::{Node, Topology};
use meshwright_value::Name;

/// The nodes by name.
pub(super) fn nodes_by_name(topology: &Topology) -> BTreeMap<&Name, &Node> {
    topology.nodes.iter().map(|node| (&node.name, node)).collect()
}

/// Reports that no node has the name at `at`; `key` is the key as users write it.
pub(super) fn unknown_node(key: &str, name: &Name, at: &Route, topology: &Topology) -> Finding {
    let known: Vec<_> = topology.nodes.iter().map(|node| node.name.as_str()).collect();
    let message = format!("`{key}` names `{name}`, which is not a node");
    Finding::new(message, at, "no node has this name").help(suggestion(name.as_str(), &known))
}
