//! Refuses two nodes with the same endpoint.

use crate::check::{Findings, Rule, Scope, Theme};
use crate::derive::listen_port::listen_port;
use crate::diagnostic::{Finding, Severity};
use crate::rules::topology::called::called_machines;
use crate::topology::member::duplicates;
use crate::topology::{Topology, WrittenEndpoint};
use meshwright_value::{Host, Name, Port};

pub(super) const RULE: Rule<Topology> = Rule {
    code: "endpoint-duplicate",
    severity: Severity::Error,
    theme: Theme::Mesh,
    summary: "two machines have the same endpoint",
    explain: "\
An address and a port lead to one machine. The peers of the other one would send their handshakes to \
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

/// An endpoint with the port on which its machine listens, and its site if it is in a LAN.
struct Socket<'topology> {
    written: WrittenEndpoint<'topology>,
    listens: Port,
    site: Option<&'topology Name>,
}

impl<'topology> Socket<'topology> {
    fn key(&self) -> SocketKey<'topology> {
        let port = self.written.endpoint.port().unwrap_or(self.listens);
        (self.site, self.written.endpoint.host(), port)
    }
}

fn check(topology: &Topology, findings: &mut Findings) {
    let sockets = sockets(topology);
    let by_key = sockets.iter().map(|socket| (socket.key(), socket));
    for (later, first) in duplicates(by_key) {
        findings.push(finding(later, first));
    }
}

/// The public endpoints, then those in LANs: of the same socket, the later one is reported.
fn sockets(topology: &Topology) -> Vec<Socket<'_>> {
    let public = called_machines(topology).into_iter().flat_map(|machine| {
        let listens = machine.listens;
        machine.endpoints.into_iter().map(move |written| Socket { written, listens, site: None })
    });
    // A `lan_endpoint` without a site has an error of its own.
    let in_sites = topology.nodes.iter().filter(|node| node.site.is_some());
    let in_lans = in_sites.flat_map(|node| {
        let (listens, site) = (listen_port(topology, node), node.site.as_ref());
        node.lan_endpoint().map(move |written| Socket { written, listens, site })
    });
    public.chain(in_lans).collect()
}

fn finding(later: &Socket<'_>, first: &Socket<'_>) -> Finding {
    let WrittenEndpoint { owner, key, place, endpoint } = &later.written;
    let full_endpoint = endpoint.with_port(later.listens);
    let message =
        format!("`{}` and `{owner}` both have the `{key}` {full_endpoint}", first.written.owner);
    Finding::new(message, place, "used again here")
        .and(&first.written.place, "first used here")
        .help(format!(
            "use another port for one of the two (`listen_port` of a node), or leave its `{key}` out"
        ))
}
