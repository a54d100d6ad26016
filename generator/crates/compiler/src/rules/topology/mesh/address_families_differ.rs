//! Warns when two machines have endpoints of different address families.

use crate::check::{Findings, Rule, Scope, Theme};
use crate::diagnostic::{Finding, Severity};
use crate::rules::topology::called::{CalledMachine, called_machines};
use crate::topology::{Topology, WrittenEndpoint};
use meshwright_value::{AddressFamily, Host};

pub(super) const RULE: Rule<Topology> = Rule {
    code: "address-families-differ",
    severity: Severity::Warning,
    theme: Theme::Mesh,
    summary: "two machines have endpoints of different address families",
    explain: "\
One endpoint is an IPv4 address and the other an IPv6 address. Each of the two calls the other at \
its endpoint. If the first has no IPv6, and the second has no IPv4, neither call leaves the machine: \
this pair has no handshake, and no program reports an error.

If a machine has both families, write both: `endpoint = [\"198.51.100.20\", \"2001:db8::20\"]`. Each pair then uses a \
family that both ends have, and IPv4 if they have both. If one of the two can call the other, but cannot be \
called in that family, accept the warning: one call opens the tunnel for both directions.

Source: wg(8), \"endpoint\": one address, of one family.",
    scope: Scope::Present,
    check,
};

fn check(topology: &Topology, findings: &mut Findings) {
    let machines = called_machines(topology);
    let written = |family: AddressFamily| {
        let machines = machines.iter();
        machines.filter(move |one| only_family(one) == Some(family)).collect::<Vec<_>>()
    };
    let (v4, v6) = (written(AddressFamily::V4), written(AddressFamily::V6));
    // Each machine of the smaller group is reported once, with its first peer of the other family.
    let (few, many) = if v6.len() <= v4.len() { (&v6, &v4) } else { (&v4, &v6) };
    for machine in few {
        let needs_family =
            |other: &&&CalledMachine<'_>| !machine.location.meets_in_lan(&other.location);
        if let Some(other) = many.iter().find(needs_family) {
            findings.push(finding(&machine.endpoints[0], &other.endpoints[0]));
        }
    }
}

/// The only family of its endpoints; `None` for both, for a name, which can have addresses of both, and for
/// a unique local address, which `endpoint-private` judges.
fn only_family(machine: &CalledMachine<'_>) -> Option<AddressFamily> {
    let [only] = machine.endpoints.as_slice() else { return None };
    match only.endpoint.host() {
        Host::V6(address) if address.is_unique_local() => None,
        _ => only.endpoint.family(),
    }
}

fn finding(one: &WrittenEndpoint<'_>, other: &WrittenEndpoint<'_>) -> Finding {
    let message = format!(
        "the endpoints of `{}` and `{}` have different address families",
        one.owner, other.owner
    );
    let label = "reached only by machines that have this family too";
    Finding::new(message, &one.place, label)
        .and(&other.place, "an address of the other family")
        .help("write both addresses of a machine that has both families: `endpoint = [\"198.51.100.20\", \"2001:db8::20\"]`")
}
