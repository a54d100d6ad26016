//! Public nodes: those with an `endpoint`, so that every other node and client can connect to them.

use crate::diagnostic::Finding;
use crate::diagnostic::wording::list;
use crate::route::Route;
use crate::topology::{Node, Topology};
use meshwright_value::Name;

/// The names of the public nodes, by id.
pub(super) fn public_nodes(topology: &Topology) -> Vec<&Name> {
    let mut public: Vec<_> = topology.nodes.iter().filter(|node| node.endpoint.is_some()).collect();
    public.sort_by_key(|node| node.id);
    public.into_iter().map(|node| &node.name).collect()
}

/// Reports that `node`, which is named at `at`, is behind NAT where a public node is required;
/// `key` is the key as users write it.
pub(super) fn not_public(key: &str, node: &Node, at: &Route, topology: &Topology) -> Finding {
    let message = format!("`{key}` names `{}`, which is behind NAT", node.name);
    let finding = Finding::new(message, at, "no other node or client can connect to it")
        .and(&node.origin.key("name"), "has no `endpoint`");
    match public_nodes(topology).as_slice() {
        [] => finding.help(format!("give `{}` an `endpoint`", node.name)),
        public => finding.help(format!("name a public node: {}", list(public, "or"))),
    }
}
