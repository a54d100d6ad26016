mod name_duplicate;

use crate::check::Rule;
use crate::topology::Topology;

pub(super) const RULES: &[Rule<Topology>] = &[name_duplicate::RULE];
