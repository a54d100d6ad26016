//! Refuses a `lan_endpoint` that is outside its site's subnet.

use crate::check::{Findings, Rule, Scope, Theme};
use crate::diagnostic::{Finding, Severity};
use crate::topology::{Node, Site, Topology};
use meshwright_value::{Endpoint, Host, Subnet};

pub(super) const RULE: Rule<Topology> = Rule {
    code: "lan-endpoint-outside-site",
    severity: Severity::Error,
    theme: Theme::Mesh,
    summary: "`lan_endpoint` is outside the subnet of its site",
    explain: "\
Nodes of one site connect to each other at their `lan_endpoint`, over the network of the site's \
`subnet`. An address outside this subnet belongs to another network: the router drops the packets, or \
sends them to another machine. There is no second path, because nodes of one site always use the LAN. \
No handshake completes, and no program reports an error.

Correct the address, or the `subnet` of the site. If the node is in another place, give it another \
`site`, or none.

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

/// Names are not judged, nor IPv6 addresses: a site declares only its IPv4 subnet.
fn is_outside(endpoint: &Endpoint, subnet: Subnet) -> bool {
    matches!(endpoint.host(), Host::V4(address) if !subnet.contains_address(*address))
}

fn finding(node: &Node, endpoint: &Endpoint, site: &Site, subnet: Subnet) -> Finding {
    let host = endpoint.host();
    let message =
        format!("the `lan_endpoint` {host} of `{}` is outside its site `{}`", node.name, site.name);
    Finding::new(message, &node.origin.key("lan_endpoint"), "an address of another network")
        .and(&site.origin.key("subnet"), format!("the site `{}` has {subnet}", site.name))
        .help(format!("write the address that `{}` has in {subnet}", node.name))
}
