//! Refuses two nodes with the same endpoint.

use crate::check::{Findings, Rule, Scope, Theme};
use crate::derive::listen_port::listen_port;
use crate::diagnostic::{Finding, Severity};
use crate::topology::member::duplicates;
use crate::topology::{Node, Topology};
use meshwright_value::{Endpoint, Host, Name, Port};

pub(super) const RULE: Rule<Topology> = Rule {
    code: "endpoint-duplicate",
    severity: Severity::Error,
    theme: Theme::Mesh,
    summary: "two nodes have the same endpoint",
    explain: "\
An address and a port lead to one machine. The peers of the other node would send their handshakes to \
the wrong machine. That machine drops them, because they are not encrypted to its key: no handshake \
completes, and neither side reports an error. An endpoint without a port has the node's \
`listen_port`. A `lan_endpoint` is compared within its site.

Two nodes behind one public address need two ports, which the router forwards: give one of them another \
`listen_port`. If the router forwards no second port, leave the endpoint of that node out.

Source: wg(8), \"endpoint\"; WireGuard's whitepaper, section 5.",
    scope: Scope::Present,
    check,
};

/// The address that a node listens on: host and port, and the site of a `lan_endpoint`.
type SocketKey<'topology> = (Option<&'topology Name>, &'topology Host, Port);

fn check(topology: &Topology, findings: &mut Findings) {
    let public = topology.nodes.iter().filter_map(|node| {
        let endpoint = node.endpoint.as_ref()?;
        Some((socket(None, endpoint, node, topology), (node, endpoint, "endpoint")))
    });
    let private = topology.nodes.iter().filter_map(|node| {
        let (site, endpoint) = (node.site.as_ref()?, node.lan_endpoint.as_ref()?);
        Some((socket(Some(site), endpoint, node, topology), (node, endpoint, "lan_endpoint")))
    });
    for ((later, endpoint, key), (first, ..)) in duplicates(public.chain(private)) {
        findings.push(finding(later, first, endpoint, key, topology));
    }
}

fn socket<'a>(
    site: Option<&'a Name>,
    endpoint: &'a Endpoint,
    node: &Node,
    topology: &Topology,
) -> SocketKey<'a> {
    (site, endpoint.host(), endpoint.port().unwrap_or_else(|| listen_port(topology, node)))
}

fn finding(
    later: &Node,
    first: &Node,
    endpoint: &Endpoint,
    key: &'static str,
    topology: &Topology,
) -> Finding {
    let full_endpoint = endpoint.with_port(listen_port(topology, later));
    let place = |node: &Node| node.origin.key(key);
    let message =
        format!("`{}` and `{}` both have the `{key}` {full_endpoint}", first.name, later.name);
    Finding::new(message, &place(later), "used again here")
        .and(&place(first), "first used here")
        .help(format!(
            "use another port for one of the two (`listen_port`), or leave its `{key}` out"
        ))
}
