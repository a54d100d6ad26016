//! Rules about the plan: derived values such as the peers of each node.

mod allowed_ips_overlap;

use crate::check::Rule;
use crate::plan::Plan;

/// All rules about a plan.
pub const RULES: &[Rule<Plan>] = &[allowed_ips_overlap::RULE];
