//! The mesh's interface has a name that nothing else takes.

use crate::check::{Findings, Rule, Scope, Theme};
use crate::diagnostic::{Finding, Fix, Severity};
use crate::topology::{Node, Topology};

pub(super) const RULE: Rule<Topology> = Rule {
    code: "interface-taken",
    severity: Severity::Error,
    theme: Theme::Mesh,
    summary: "`wireguard.interface` is a name that something else takes",
    explain: "\
wg-quick makes the interface, and fails where one of that name is there already: the node is not part of \
the mesh. The kernel has `lo`; the distributions name network cards `eth0` or `enp1s0`; Calico makes \
`cali…` and `tunl0`, kube-proxy `kube-ipvs0`, Docker `docker0` and `veth…`. Felix also takes what starts \
with `cali` for a pod of its own, and the firewall trusts the mesh's interface: under the name of a \
network card it would trust the Internet.

Leave `wireguard.interface` out: it is then `wg0`. The card of a node is its `public_interface`.

Sources: wg-quick(8); systemd.net-naming-scheme(7); Calico, `interfacePrefix` of Felix.",
    scope: Scope::Present,
    check,
};

/// What names of interfaces begin with, and whose they are.
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
    if let Some(owner) = owner(name.as_str()) {
        let message = format!("the interface name `{name}` is taken by {owner}");
        findings.push(
            Finding::new(message, &at, "WireGuard cannot have this name")
                .fix(Fix::default(&at, "it is then `wg0`")),
        );
        return;
    }
    let is_public = |node: &&Node| node.public_interface.as_ref() == Some(name);
    for node in topology.nodes.iter().filter(is_public) {
        let message = format!("`{name}` is the public interface of `{}`", node.name);
        let finding = Finding::new(message, &node.origin.key("public_interface"), "used here")
            .and(&at, format!("`wireguard.interface` is `{name}`"));
        findings.push(finding.help("give the two different names"));
    }
}

/// Who makes interfaces of that name.
fn owner(name: &str) -> Option<&'static str> {
    if name == "lo" {
        return Some("the loopback");
    }
    let taken = TAKEN.iter().find(|(prefix, _)| name.starts_with(prefix));
    taken.map(|(_, owner)| *owner)
}

#[cfg(test)]
mod tests {
    use super::owner;

    #[test]
    fn owners_are_told_by_their_names() {
        let table = [
            ("lo", Some("the loopback")),
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
            assert_eq!(owner(name), expected, "{name}");
        }
    }
}
