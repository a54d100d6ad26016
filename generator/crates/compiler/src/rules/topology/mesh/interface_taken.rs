//! Refuses a name of WireGuard's interface that another interface has or will have.

use crate::check::{Findings, Rule, Scope, Theme};
use crate::diagnostic::{Finding, Fix, Severity};
use crate::topology::{Node, Topology};

pub(super) const RULE: Rule<Topology> = Rule {
    code: "interface-taken",
    severity: Severity::Error,
    theme: Theme::Mesh,
    summary: "`wireguard.interface` is a name that another interface has",
    explain: "\
wg-quick creates the interface, and fails if an interface with this name exists: the node does not join \
the mesh. The kernel has `lo`. Distributions name network cards `eth0` or `enp1s0`. Calico creates \
`cali…` and `tunl0`, kube-proxy `kube-ipvs0`, Docker `docker0` and `veth…`. Felix also treats every \
interface whose name starts with `cali` as a pod's. And the firewall trusts WireGuard's interface: with \
the name of a network card, it would trust the Internet.

Leave `wireguard.interface` out: the default is `wg0`. The network card of a node is its \
`public_interface`.

Sources: wg-quick(8); systemd.net-naming-scheme(7); Calico, `interfacePrefix` of Felix.",
    scope: Scope::Present,
    check,
};

/// Prefixes of interface names, and what uses them.
const TAKEN: [(&str, &str); 9] = [
    ("eth", "network cards"),
    ("en", "network cards"),
    ("wl", "wireless cards"),
    ("cali", "Calico"),
    ("tunl", "Calico and the kernel"),
    ("kube-ipvs", "kube-proxy"),
    ("docker", "Docker"),
    ("br-", "Docker"),
    ("veth", "container runtimes"),
];

fn check(topology: &Topology, findings: &mut Findings) {
    let name = &topology.wireguard.interface;
    let at = topology.wireguard.origin.key("interface");
    if let Some(user) = user_of_name(name.as_str()) {
        let message = format!("the interface name `{name}` is used by {user}");
        findings.push(
            Finding::new(message, &at, "WireGuard cannot have this name")
                .fix(Fix::default(&at, "the default is `wg0`")),
        );
        return;
    }
    let is_public = |node: &&Node| node.public_interface.as_ref() == Some(name);
    for node in topology.nodes.iter().filter(is_public) {
        let message = format!("`{name}` is the public interface of `{}`", node.name);
        let finding = Finding::new(message, &node.origin.key("public_interface"), "used here")
            .and(&at, format!("`wireguard.interface` is `{name}`"));
        findings.push(finding.help("use two different names"));
    }
}

/// What uses interfaces with this name.
fn user_of_name(name: &str) -> Option<&'static str> {
    if name == "lo" {
        return Some("the loopback interface");
    }
    let taken = TAKEN.iter().find(|(prefix, _)| name.starts_with(prefix));
    taken.map(|(_, user)| *user)
}

#[cfg(test)]
mod tests {
    use super::user_of_name;

    #[test]
    fn a_name_shows_what_uses_it() {
        let table = [
            ("lo", Some("the loopback interface")),
            ("lo1", None),
            ("eth1", Some("network cards")),
            ("enp1s0", Some("network cards")),
            ("cali0", Some("Calico")),
            ("kube-ipvs0", Some("kube-proxy")),
            ("docker0", Some("Docker")),
            ("veth12", Some("container runtimes")),
            ("tunl0", Some("Calico and the kernel")),
            ("wg0", None),
            ("mesh0", None),
        ];
        for (name, expected) in table {
            assert_eq!(user_of_name(name), expected, "{name}");
        }
    }
}
