//! The rules between derived values.

mod allowed_ips_overlap;

use crate::check::Rule;
use crate::plan::Plan;

/// Every rule about a plan.
pub const RULES: &[Rule<Plan>] = &[allowed_ips_overlap::RULE];
