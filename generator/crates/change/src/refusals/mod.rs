//! Values that a running cluster cannot change: one file for each kind. A new kind is a new file and one line
//! in [`ALL`].

mod identity;
mod role;
mod subnets;
pub mod version;

use std::fmt;

use serde::Serialize;

use crate::tree::ComparedTree;

/// A value that a running cluster cannot change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Refusal {
    /// The stable name.
    pub code: &'static str,
    /// Where the value is in the topology.
    pub subject: RefusedValue,
    /// The values before and after.
    pub message: String,
    /// What happens on the machines if it is delivered.
    pub effect: &'static str,
    /// The way that exists.
    pub help: &'static str,
}

/// A place in the topology.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum RefusedValue {
    /// A key of a table that is there once.
    Single {
        /// The table.
        name: &'static str,
        /// The key.
        key: &'static str,
    },
    /// A key of a `[[nodes]]` table.
    Node {
        /// The name of the node.
        name: String,
        /// The key.
        key: &'static str,
    },
}

impl fmt::Display for RefusedValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Single { name, key } => write!(f, "[{name}] {key}"),
            Self::Node { name, key } => write!(f, "node {name}: {key}"),
        }
    }
}

/// Finds the refused changes of one kind.
type FindRefusals = fn(&ComparedTree, &ComparedTree) -> Vec<Refusal>;

/// All kinds.
const ALL: &[FindRefusals] = &[subnets::find, identity::find, role::find, version::find];

/// All refused changes from one tree to another.
#[must_use]
pub fn find(old: &ComparedTree, new: &ComparedTree) -> Vec<Refusal> {
    ALL.iter().flat_map(|find| find(old, new)).collect()
}
