//! A survey as text for a terminal and as JSON.

pub mod human;
pub mod schema;

use serde::Serialize;

use crate::survey::MachineSurvey;

/// The version of the structure of [`FleetDocument`].
pub const SCHEMA_VERSION: u32 = 1;

/// The document of `meshwright status --format json`.
#[derive(Debug, Serialize)]
pub struct FleetDocument<'survey> {
    /// [`SCHEMA_VERSION`].
    pub schema_version: u32,
    /// The cluster.
    pub cluster: &'survey str,
    /// Whether no machine needs anything.
    pub is_in_order: bool,
    /// The machines, in the order of the topology.
    pub machines: &'survey [MachineSurvey],
}

impl<'survey> FleetDocument<'survey> {
    /// The document of these machines.
    #[must_use]
    pub fn new(cluster: &'survey str, machines: &'survey [MachineSurvey]) -> Self {
        let is_in_order = machines.iter().all(|machine| machine.next.is_empty());
        Self { schema_version: SCHEMA_VERSION, cluster, is_in_order, machines }
    }
}
