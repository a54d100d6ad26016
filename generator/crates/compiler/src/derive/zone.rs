//! Zones: which nodes are close to each other.

use meshwright_value::ProviderName;

use crate::topology;

/// A node's zone: its site, else its provider, else its name. Ingress and DNS prefer endpoints of
/// their own zone.
#[must_use]
pub(crate) fn node_zone(node: &topology::Node) -> String {
    let provider = Some(node.provider).filter(|provider| *provider != ProviderName::Other);
    let site = node.site.as_ref().map(ToString::to_string);
    site.or(provider.map(|provider| provider.to_string())).unwrap_or_else(|| node.name.to_string())
}
