//! The name of an endpoint can be looked up from everywhere.

use super::{Findings, Rule, Scope, Theme};
use crate::diagnostic::{Finding, Severity};
use crate::topology::Topology;
use crate::value::Host;

pub(super) const RULE: Rule<Topology> = Rule {
    code: "endpoint-name-private",
    severity: Severity::Warning,
    theme: Theme::Mesh,
    summary: "an endpoint is a name that public DNS does not have",
    explain: "\
Every node and client looks the name of an `endpoint` up where it stands: at its cloud's or its \
provider's resolver. Those do not have a name without a dot, nor one below `.local`, `.lan`, `.internal`, \
`.home.arpa` and the like: it means something in one network alone. Peers elsewhere find no address and \
never send a handshake; `wg show` lists them without an endpoint.

Write the public address, or a name that a registrar has sold. An address in a LAN is a `lan_endpoint`. \
Where all machines share a resolver that knows the name, accept the warning.

Sources: RFC 6761 and RFC 6762 (special-use names, `.local`); RFC 8375 (`home.arpa`); ICANN, `.internal`.",
    scope: Scope::Present,
    check,
};

/// Last labels that public DNS will never have, or does not have.
const PRIVATE: [&str; 12] = [
    "arpa",
    "corp",
    "example",
    "home",
    "internal",
    "intranet",
    "invalid",
    "lan",
    "local",
    "localdomain",
    "private",
    "test",
];

fn check(topology: &Topology, findings: &mut Findings) {
    for node in &topology.nodes {
        let Some(Host::Name(name)) = node.endpoint.as_ref().map(|endpoint| endpoint.host()) else {
            continue;
        };
        let Some(domain) = private_domain(name.as_str()) else { continue };
        let message = format!("public DNS has no name `{name}`, the endpoint of `{}`", node.name);
        let label = match domain {
            "" => "a name without a domain".to_owned(),
            domain => format!("`.{domain}` means something in one network alone"),
        };
        let finding = Finding::new(message, &node.origin.key("endpoint"), label);
        findings.push(finding.help("write an address or a name that every other machine can find"));
    }
}

/// The last label of a name that is nobody's in public DNS; empty for one without a dot.
pub(super) fn private_domain(name: &str) -> Option<&str> {
    match name.rsplit_once('.') {
        None => Some(""),
        Some((_, last)) => Some(last).filter(|last| PRIVATE.contains(last)),
    }
}

#[cfg(test)]
mod tests {
    use super::private_domain;

    #[test]
    fn public_names_have_a_public_end() {
        let table = [
            ("home", Some("")),
            ("nas.local", Some("local")),
            ("router.home.arpa", Some("arpa")),
            ("local.example.com", None),
            ("berlin.example.net", None),
        ];
        for (name, expected) in table {
            assert_eq!(private_domain(name), expected, "{name}");
        }
    }
}
