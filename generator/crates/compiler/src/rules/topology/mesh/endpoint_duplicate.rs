//! No two nodes listen in the same place.

use crate::check::{Findings, Rule, Scope, Theme};
use crate::diagnostic::{Finding, Severity};
use crate::topology::member::duplicates;
use crate::topology::{Node, Topology};
use meshwright_value::{Endpoint, Host, Name, Port};

pub(super) const RULE: Rule<Topology> = Rule {
    code: "endpoint-duplicate",
    severity: Severity::Error,
    theme: Theme::Mesh,
    summary: "two nodes have one endpoint",
    explain: "\
One address and port reach one machine. The other node's peers would send their handshakes to the \
wrong one, which drops them since they are not encrypted to its key: the pair stays silent, without an \
error on either side. Endpoints are compared after the default port is added, and those in a LAN within \
their site.

Two nodes behind one public address need two ports, forwarded by the router: write one as `host:port`, \
or leave it out on the node that cannot be called.

Source: wg(8), \"endpoint\"; WireGuard's whitepaper, section 5.",
    scope: Scope::Present,
    check,
};

/// Where a node listens: its site for an endpoint in a LAN, and host and port.
type Socket<'topology> = (Option<&'topology Name>, &'topology Host, Port);

fn check(topology: &Topology, findings: &mut Findings) {
    let public = topology.nodes.iter().filter_map(|node| {
        let endpoint = node.endpoint.as_ref()?;
        Some((socket(None, endpoint, topology), (node, endpoint, "endpoint")))
    });
    let private = topology.nodes.iter().filter_map(|node| {
        let (site, endpoint) = (node.site.as_ref()?, node.lan_endpoint.as_ref()?);
        Some((socket(Some(site), endpoint, topology), (node, endpoint, "lan_endpoint")))
    });
    for ((later, endpoint, key), (first, ..)) in duplicates(public.chain(private)) {
        findings.push(finding(later, first, endpoint, key, topology));
    }
}

fn socket<'a>(site: Option<&'a Name>, endpoint: &'a Endpoint, topology: &Topology) -> Socket<'a> {
    (site, endpoint.host(), endpoint.port().unwrap_or(topology.wireguard.listen_port))
}

fn finding(
    later: &Node,
    first: &Node,
    endpoint: &Endpoint,
    key: &'static str,
    topology: &Topology,
) -> Finding {
    let endpoint = endpoint.with_port(topology.wireguard.listen_port);
    let place = |node: &Node| node.origin.key(key);
    let message = format!("`{}` and `{}` have the {key} {endpoint}", first.name, later.name);
    Finding::new(message, &place(later), "used again here")
        .and(&place(first), "first used here")
        .help("give one of the two another port, or leave it out where nobody can call")
}
