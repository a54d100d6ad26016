//! Refuses a `public_interface` whose name the firewall trusts.

use crate::check::{Findings, Rule, Scope, Theme};
use crate::diagnostic::{Finding, Fix, Severity};
use crate::topology::Topology;

pub(super) const RULE: Rule<Topology> = Rule {
    code: "public-interface-trusted",
    severity: Severity::Error,
    theme: Theme::Hosts,
    summary: "`public_interface` is a name that the firewall trusts",
    explain: "\
The firewall accepts all packets that arrive on `wg0` or on an interface `cali…`: WireGuard and Calico \
have already checked their source. If the network card of the public side has such a name, the firewall \
accepts every packet from the Internet: the API server, etcd and kubelet are open.

Write the name that `ip -o link` shows for the card, such as `eth0` or `enp1s0`, or leave \
`public_interface` out: it is optional.

Source: Calico, `interfacePrefix` of Felix; out/nodes/<node>/nftables.conf.",
    scope: Scope::Present,
    check,
};

/// The prefix of Calico's interfaces on the host, one for each pod.
const PODS: &str = "cali";

fn check(topology: &Topology, findings: &mut Findings) {
    for node in &topology.nodes {
        let name = node.public_interface.as_ref();
        let Some(name) = name.filter(|name| name.as_str().starts_with(PODS)) else { continue };
        let message = format!(
            "the public interface `{name}` of `{}` has the name of a pod's interface",
            node.name
        );
        let at = node.origin.key("public_interface");
        let finding =
            Finding::new(message, &at, "the firewall trusts names that start with `cali`");
        findings.push(finding.fix(Fix::default(&at, "it is optional")));
    }
}
