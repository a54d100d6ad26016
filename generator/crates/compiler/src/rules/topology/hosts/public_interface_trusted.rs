//! The public side is not one that the firewall trusts.

use crate::check::{Findings, Rule, Scope, Theme};
use crate::diagnostic::{Finding, Fix, Severity};
use crate::topology::Topology;

pub(super) const RULE: Rule<Topology> = Rule {
    code: "public-interface-trusted",
    severity: Severity::Error,
    theme: Theme::Hosts,
    summary: "`public_interface` is a name that the firewall trusts",
    explain: "\
The firewall takes what comes in on `wg0` for the mesh's and what comes in on `cali…` for a pod's, and \
lets it pass: WireGuard and Calico have vouched for it. Under such a name the network card of the public \
side would be trusted, and with it every stranger: the API server, etcd and kubelet would be open.

Write what `ip -o link` shows for the card, such as `eth0` or `enp1s0`, or leave `public_interface` out: \
nothing needs it.

Source: Calico, `interfacePrefix` of Felix; out/nodes/<node>/nftables.conf.",
    scope: Scope::Present,
    check,
};

/// What Calico calls the host's end of a pod's interface.
const PODS: &str = "cali";

fn check(topology: &Topology, findings: &mut Findings) {
    for node in &topology.nodes {
        let name = node.public_interface.as_ref();
        let Some(name) = name.filter(|name| name.as_str().starts_with(PODS)) else { continue };
        let message =
            format!("the public interface `{name}` of `{}` looks like a pod's", node.name);
        let at = node.origin.key("public_interface");
        let finding = Finding::new(message, &at, "the firewall trusts what starts with `cali`");
        findings.push(finding.fix(Fix::default(&at, "nothing needs it")));
    }
}
