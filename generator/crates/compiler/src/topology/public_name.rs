//! Public names: all hostnames of the tunnel, in whichever table they are.

use crate::route::Route;
use crate::topology::CloudflareTunnel;
use meshwright_value::Hostname;

/// A hostname of the tunnel.
#[derive(Debug, Clone)]
pub struct PublicName<'topology> {
    /// The place of the name.
    pub at: Route,
    /// The name.
    pub hostname: &'topology Hostname,
    /// Whether its requests are for the Ingress controller.
    pub to_controller: bool,
}

/// All names: those of `hostnames`, then those of the rules.
pub fn public_names(tunnel: &CloudflareTunnel) -> impl Iterator<Item = PublicName<'_>> {
    let listed = tunnel.hostnames.iter().enumerate().map(|(position, hostname)| PublicName {
        at: tunnel.origin.key("hostnames").index(position),
        hostname,
        to_controller: true,
    });
    let of_rules = tunnel.rules.iter().map(|rule| PublicName {
        at: rule.origin.key("hostname"),
        hostname: &rule.hostname,
        to_controller: rule.service.is_none(),
    });
    listed.chain(of_rules)
}
