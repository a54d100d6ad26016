//! Warns when two nodes of different sites have endpoints at one address.

use crate::check::{Findings, Rule, Scope, Theme};
use crate::diagnostic::{Finding, Severity};
use crate::rules::topology::called::{CalledMachine, called_machines};
use crate::topology::member::duplicates;
use crate::topology::{Topology, WrittenEndpoint};
use meshwright_value::Port;

pub(super) const RULE: Rule<Topology> = Rule {
    code: "endpoint-address-shared",
    severity: Severity::Warning,
    theme: Theme::Mesh,
    summary: "two nodes share a public address, and have no common site",
    explain: "\
Two endpoints with one host and two ports are two machines behind one router, which forwards a port to \
each. Peers elsewhere reach both. But the two machines call each other at the router's public address \
from inside: this works only if the router translates such packets back (hairpin NAT, NAT loopback). Many \
routers do not, and then this one pair has no handshake.

Give both nodes the same `site`, and write the LAN address of at least one as `lan_endpoint`. If the \
router translates packets from inside, accept the warning.

Source: RFC 4787 §6 (hairpinning).",
    scope: Scope::Present,
    check,
};

fn check(topology: &Topology, findings: &mut Findings) {
    let machines = called_machines(topology);
    let sockets = machines.iter().flat_map(|machine| {
        let of_machine = machine.endpoints.iter();
        of_machine.map(move |written| PublicSocket { machine, written })
    });
    let sockets: Vec<_> = sockets.collect();
    let by_host = sockets.iter().map(|socket| (socket.written.endpoint.host(), socket));
    for (later, first) in duplicates(by_host) {
        // The same port is an error: `endpoint-duplicate` reports it.
        let meet = later.machine.location.meets_in_lan(&first.machine.location);
        if later.port() != first.port() && !meet {
            findings.push(finding(later.written, first.written));
        }
    }
}

/// One endpoint of a machine.
struct PublicSocket<'a, 'topology> {
    machine: &'a CalledMachine<'topology>,
    written: &'a WrittenEndpoint<'topology>,
}

impl PublicSocket<'_, '_> {
    fn port(&self) -> Port {
        self.written.endpoint.port().unwrap_or(self.machine.listens)
    }
}

fn finding(later: &WrittenEndpoint<'_>, first: &WrittenEndpoint<'_>) -> Finding {
    let message = format!("`{}` and `{}` share a public address", first.owner, later.owner);
    let label = "reached from inside only if the router translates";
    Finding::new(message, &later.place, label)
        .and(&first.place, "the same address")
        .help("give both the same `site`, and one of them a `lan_endpoint`")
}
