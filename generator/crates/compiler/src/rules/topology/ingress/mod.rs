//! Requests from the Internet: the hostnames of the tunnel, the echo app, and the replicas that serve them.

mod hello_hostname_unknown;
mod hostname_duplicate;
mod hostname_inside_cluster_domain;
mod hostname_rule_incomplete;
mod hostname_rule_inside;
mod hostname_too_deep;
mod hostname_wildcard_host_header;
mod ingress_value_owned;
mod ingress_value_unknown;
mod replicas_above_nodes;
mod tunnel_without_controller;

use crate::check::Rule;
use crate::topology::Topology;

pub(super) const RULES: &[Rule<Topology>] = &[
    hello_hostname_unknown::RULE,
    hostname_duplicate::RULE,
    hostname_inside_cluster_domain::RULE,
    hostname_rule_incomplete::RULE,
    hostname_rule_inside::RULE,
    hostname_too_deep::RULE,
    hostname_wildcard_host_header::RULE,
    ingress_value_owned::RULE,
    ingress_value_unknown::RULE,
    replicas_above_nodes::RULE,
    tunnel_without_controller::RULE,
];
