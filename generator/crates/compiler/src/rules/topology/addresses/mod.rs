//! Subnets, addresses, ids and pod blocks: whether each fits its subnet, and whether two overlap.

mod address_duplicate;
mod address_outside_subnet;
mod id_duplicate;
mod id_outside_subnet;
mod id_retired;
mod pod_subnet_outside;
mod pod_subnet_overlap;
mod pod_subnet_size;
mod service_subnet_size;
mod subnet_not_private;
mod subnet_of_home_routers;
mod subnet_of_provider_vpc;
mod subnet_overlap;

use crate::check::Rule;
use crate::topology::Topology;

pub(super) const RULES: &[Rule<Topology>] = &[
    address_duplicate::RULE,
    address_outside_subnet::RULE,
    id_duplicate::RULE,
    id_outside_subnet::RULE,
    id_retired::RULE,
    pod_subnet_outside::RULE,
    pod_subnet_overlap::RULE,
    pod_subnet_size::RULE,
    service_subnet_size::RULE,
    subnet_not_private::RULE,
    subnet_of_home_routers::RULE,
    subnet_of_provider_vpc::RULE,
    subnet_overlap::RULE,
];
