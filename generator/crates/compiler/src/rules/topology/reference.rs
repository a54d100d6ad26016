//! Names that stand for something else, and what is said when they do not.

use std::collections::BTreeMap;

use crate::diagnostic::Finding;
use crate::diagnostic::wording::{list, suggestion};
use crate::route::Route;
use crate::topology::{Node, Topology};
use meshwright_value::Name;

/// The nodes by name.
pub(super) fn nodes_by_name(topology: &Topology) -> BTreeMap<&Name, &Node> {
    topology.nodes.iter().map(|node| (&node.name, node)).collect()
}

/// A name at `at` that no node has; `key` is where users wrote it.
pub(super) fn unknown_node(key: &str, name: &Name, at: &Route, topology: &Topology) -> Finding {
    let known: Vec<_> = topology.nodes.iter().map(|node| node.name.as_str()).collect();
    let message = format!("`{key}` names `{name}`, which is no node");
    Finding::new(message, at, "no node has this name").help(suggestion(name.as_str(), &known))
}

/// A node that is named at `at`, where only a public node can be; `key` is where users wrote it.
pub(super) fn behind_nat(key: &str, node: &Node, at: &Route, topology: &Topology) -> Finding {
    let message = format!("`{key}` names `{}`, which stands behind NAT", node.name);
    let finding = Finding::new(message, at, "nobody can call this node")
        .and(&node.origin.key("name"), "has no `endpoint`");
    match public_nodes(topology).as_slice() {
        [] => finding.help(format!("give `{}` an `endpoint`", node.name)),
        public => finding.help(format!("name a public node: {}", list(public, "or"))),
    }
}

/// The names of the nodes that have an endpoint, by id.
pub(super) fn public_nodes(topology: &Topology) -> Vec<&Name> {
    let mut public: Vec<_> = topology.nodes.iter().filter(|node| node.endpoint.is_some()).collect();
    public.sort_by_key(|node| node.id);
    public.into_iter().map(|node| &node.name).collect()
}
