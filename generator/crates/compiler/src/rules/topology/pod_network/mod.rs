//! The network of the pods: Calico's dataplane and its route reflectors.

mod dataplane_mismatch;
mod installation_pools_full;
mod route_reflector_single;
mod route_reflector_unknown;

use crate::check::Rule;
use crate::topology::Topology;

pub(super) const RULES: &[Rule<Topology>] = &[
    dataplane_mismatch::RULE,
    installation_pools_full::RULE,
    route_reflector_single::RULE,
    route_reflector_unknown::RULE,
];
