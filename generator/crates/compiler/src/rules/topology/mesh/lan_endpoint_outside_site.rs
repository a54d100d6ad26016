//! A node's address in its LAN is one of that LAN.

use crate::check::{Findings, Rule, Scope, Theme};
use crate::diagnostic::{Finding, Severity};
use crate::topology::{Node, Site, Topology};
use meshwright_value::{Endpoint, Host, Subnet};

pub(super) const RULE: Rule<Topology> = Rule {
    code: "lan-endpoint-outside-site",
    severity: Severity::Error,
    theme: Theme::Mesh,
    summary: "`lan_endpoint` is no address of its site",
    explain: "\
Nodes of one site call each other at their `lan_endpoint`, over the network that the site's `subnet` \
describes. An address outside of it is another network's: the packets go to the router, which drops them \
or sends them to somebody else, and the pair has no other way, since the LAN is preferred where both \
stand in one site. No handshake takes place, and nothing reports it.

Correct the address, or the site's `subnet`; a node that stands elsewhere has another `site`, or none.

Source: wg(8), \"endpoint\".",
    scope: Scope::Present,
    check,
};

fn check(topology: &Topology, findings: &mut Findings) {
    for node in &topology.nodes {
        let Some(endpoint) = &node.lan_endpoint else { continue };
        let site = topology.sites.iter().find(|site| Some(&site.name) == node.site.as_ref());
        let Some(site) = site else { continue };
        if let Some(subnet) = site.subnet.filter(|subnet| is_outside(endpoint, *subnet)) {
            findings.push(finding(node, endpoint, site, subnet));
        }
    }
}

/// Nothing is known of names, and IPv6 addresses of an IPv4 site may be right.
fn is_outside(endpoint: &Endpoint, subnet: Subnet) -> bool {
    matches!(endpoint.host(), Host::V4(address) if !subnet.contains_address(*address))
}

fn finding(node: &Node, endpoint: &Endpoint, site: &Site, subnet: Subnet) -> Finding {
    let host = endpoint.host();
    let message =
        format!("the lan_endpoint {host} of `{}` is not in its site `{}`", node.name, site.name);
    Finding::new(message, &node.origin.key("lan_endpoint"), "another network's address")
        .and(&site.origin.key("subnet"), format!("`{}` is {subnet}", site.name))
        .help(format!("write the address that `{}` has in {subnet}", node.name))
}
