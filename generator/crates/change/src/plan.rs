//! The plan of a change: what differs, what cannot be, and the steps.

use serde::Serialize;

use crate::difference::{self, ExposureDifference, ReachDifference, ValueDifference};
use crate::order;
use crate::part::changed_parts;
use crate::refusals::{self, Refusal};
use crate::state::ChangeStates;
use crate::step::{self, PlanStep};
use crate::tree::ComparedTree;
use meshwright_proof::finding::ProofFinding;

/// The version of the structure of [`ChangePlan`] as JSON.
pub const SCHEMA_VERSION: u32 = 1;

/// The plan.
#[derive(Debug, Clone, Serialize)]
pub struct ChangePlan {
    /// [`SCHEMA_VERSION`].
    pub schema_version: u32,
    /// Values that a running cluster cannot change. If there is one, there are no steps.
    pub refusals: Vec<Refusal>,
    /// The values that differ.
    pub values: Vec<ValueDifference>,
    /// The pairs whose flows differ.
    pub reachability: Vec<ReachDifference>,
    /// The nodes whose public sides differ.
    pub exposure: Vec<ExposureDifference>,
    /// The steps, first to last.
    pub steps: Vec<PlanStep>,
    /// What was proven about the states between; none if there are no such states.
    pub proven: Option<ProvenStates>,
}

/// What was proven about the states of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct ProvenStates {
    /// The states of the steps: all but the first and the last one are between the two trees.
    pub states: usize,
    /// The flows that hold before and after the change; each state was walked for all of them.
    pub flows: u64,
    /// The states that were walked to find the order.
    pub walked: usize,
    /// Whether every other order was seen to lose as many flows or more.
    pub is_best: bool,
}

impl ChangePlan {
    /// Plans the change from one tree to another.
    ///
    /// # Errors
    ///
    /// When the files of a state between do not form a network.
    pub fn new(old: &ComparedTree, new: &ComparedTree) -> Result<Self, Vec<ProofFinding>> {
        let refusals = refusals::find(old, new);
        let states = ChangeStates::new(old, new, changed_parts(old, new));
        let exposure = difference::public_sides(old, new);
        let mut plan = Self {
            schema_version: SCHEMA_VERSION,
            values: difference::values(old, new),
            reachability: difference::reachability(&states),
            exposure,
            refusals,
            steps: Vec::new(),
            proven: None,
        };
        if plan.refusals.is_empty() {
            let order = order::find(&states)?;
            plan.steps = step::steps(&states, &order, &plan.exposure);
            plan.proven = Some(ProvenStates {
                states: order.parts.len() + 1,
                flows: states.required_flows(),
                walked: order.walked,
                is_best: order.is_best,
            });
        }
        Ok(plan)
    }

    /// Plans the first installation of a tree.
    #[must_use]
    pub fn installation(new: &ComparedTree) -> Self {
        Self {
            schema_version: SCHEMA_VERSION,
            refusals: Vec::new(),
            values: Vec::new(),
            reachability: Vec::new(),
            exposure: Vec::new(),
            steps: step::installation(new),
            proven: None,
        }
    }

    /// Whether flows are lost in a state.
    #[must_use]
    pub fn loses(&self) -> bool {
        self.steps.iter().any(|step| !step.lost.is_empty())
    }
}
