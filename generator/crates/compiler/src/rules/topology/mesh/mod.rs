//! WireGuard: public keys, endpoints, relays, clients, sites, the interface, its port and its MTU.

mod address_families_differ;
mod client_via_behind_nat;
mod client_via_unknown;
mod client_without_public_node;
mod endpoint_address_shared;
mod endpoint_duplicate;
mod endpoint_inside_mesh;
mod endpoint_is_name;
mod endpoint_name_private;
mod endpoint_name_taken;
mod endpoint_port_differs;
mod endpoint_private;
mod interface_taken;
mod keepalive_zero_behind_nat;
mod lan_endpoint_outside_site;
mod lan_endpoint_without_site;
mod mtu_out_of_bounds;
mod network_endpoint_inside;
mod network_not_private;
mod network_overlap;
mod network_via_not_called;
mod network_via_unknown;
mod pair_unreachable;
mod public_key_duplicate;
mod public_key_missing;
mod relay_behind_nat;
mod relay_single;
mod relay_unknown;
mod relay_unused;
mod relays_differ;
mod site_mtu_above_provider;
mod site_unknown;
mod wireguard_port_taken;

use crate::check::Rule;
use crate::topology::Topology;

pub(super) const RULES: &[Rule<Topology>] = &[
    address_families_differ::RULE,
    client_via_behind_nat::RULE,
    client_via_unknown::RULE,
    client_without_public_node::RULE,
    endpoint_address_shared::RULE,
    endpoint_duplicate::RULE,
    endpoint_inside_mesh::RULE,
    endpoint_is_name::RULE,
    endpoint_name_private::RULE,
    endpoint_name_taken::RULE,
    endpoint_port_differs::RULE,
    endpoint_private::RULE,
    interface_taken::RULE,
    keepalive_zero_behind_nat::RULE,
    lan_endpoint_outside_site::RULE,
    lan_endpoint_without_site::RULE,
    mtu_out_of_bounds::RULE,
    network_endpoint_inside::RULE,
    network_not_private::RULE,
    network_overlap::RULE,
    network_via_not_called::RULE,
    network_via_unknown::RULE,
    pair_unreachable::RULE,
    public_key_duplicate::RULE,
    public_key_missing::RULE,
    relay_behind_nat::RULE,
    relay_single::RULE,
    relay_unknown::RULE,
    relay_unused::RULE,
    relays_differ::RULE,
    site_mtu_above_provider::RULE,
    site_unknown::RULE,
    wireguard_port_taken::RULE,
];
