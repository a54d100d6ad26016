//! Names that stand for something else, and what is said when they do not.

use std::collections::BTreeMap;
use std::fmt::Display;

use crate::diagnostic::Finding;
use crate::route::Route;
use crate::topology::{Node, Topology};
use crate::value::{Name, closest};

/// How many of several are named in a sentence.
pub(super) const NAMED: usize = 3;

/// The nodes by name.
pub(super) fn nodes_by_name(topology: &Topology) -> BTreeMap<&Name, &Node> {
    topology.nodes.iter().map(|node| (&node.name, node)).collect()
}

/// A name at `at` that no node has; `key` is where users wrote it.
pub(super) fn unknown_node(key: &str, name: &Name, at: &Route, topology: &Topology) -> Finding {
    let known: Vec<_> = topology.nodes.iter().map(|node| node.name.as_str()).collect();
    let message = format!("`{key}` names `{name}`, which is no node");
    Finding::new(message, at, "no node has this name").help(meant(name.as_str(), &known))
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

/// The known word that was probably meant, or all of them.
pub(super) fn meant(word: &str, known: &[&str]) -> String {
    match closest(word, known.iter().copied()) {
        Some(meant) => format!("did you mean `{meant}`?"),
        None => format!("known here: {}", list(known, "and")),
    }
}

/// `` `a`, `b` and `c` ``; of more than [`NAMED`], how many.
pub(super) fn list<T: Display>(items: &[T], conjunction: &str) -> String {
    let quoted = |item: &T| format!("`{item}`");
    let (named, rest) = match items.len().checked_sub(NAMED) {
        Some(more @ 1..) => (&items[..NAMED], Some(format!("{more} more"))),
        _ => (items, None),
    };
    let mut words: Vec<_> = named.iter().map(quoted).chain(rest).collect();
    match words.pop() {
        Some(last) if words.is_empty() => last,
        Some(last) => format!("{} {conjunction} {last}", words.join(", ")),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::list;

    #[test]
    fn lists_are_sentences() {
        let table: [(&[u8], &str); 5] = [
            (&[], ""),
            (&[1], "`1`"),
            (&[1, 2], "`1` and `2`"),
            (&[1, 2, 3], "`1`, `2` and `3`"),
            (&[1, 2, 3, 4, 5], "`1`, `2`, `3` and 2 more"),
        ];
        for (items, expected) in table {
            assert_eq!(list(items, "and"), expected, "{items:?}");
        }
    }
}
