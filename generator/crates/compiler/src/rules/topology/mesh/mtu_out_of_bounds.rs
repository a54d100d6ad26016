//! Refuses an MTU of the mesh that is too large for an underlay or too small for IPv6.

use crate::check::{Findings, Rule, Scope, Theme};
use crate::derive::mtu::{self, MeshMtu, Reason};
use crate::diagnostic::{Finding, Fix, Severity};
use crate::topology::{Node, Topology};
use meshwright_value::WIREGUARD_OVERHEAD;

pub(super) const RULE: Rule<Topology> = Rule {
    code: "mtu-out-of-bounds",
    severity: Severity::Error,
    theme: Theme::Mesh,
    summary: "the MTU of the mesh is too large or too small",
    explain: "\
WireGuard adds 80 bytes to a packet: 40 for IPv6, 8 for UDP, 32 for itself. The underlay is the network \
that carries these packets. If a packet is larger than the MTU of the smallest underlay, it is \
fragmented or lost: SSH and ping work, but TLS handshakes and image pulls hang. So `wireguard.mtu` is \
at most the MTU of the smallest underlay − 80. The report names the node with the smallest underlay.

Below 1280 bytes, Linux disables IPv6 on the interface (RFC 8200 §5 requires 1280). An MTU of 1280 also \
carries the 1200 bytes that the QUIC of cloudflared always needs (RFC 9000 §14), with all headers.

Leave `wireguard.mtu` out: it is then derived. If a node's connection to the Internet has a smaller \
MTU, set its `underlay_mtu`. To measure it, run `ping -M do -s <size − 28>`.",
    scope: Scope::Tables(&["nodes", "wireguard"]),
    check,
};

/// The smallest MTU for IPv6, in bytes (RFC 8200 §5).
const SMALLEST: u16 = 1280;

fn check(topology: &Topology, findings: &mut Findings) {
    let Some((largest, node)) = largest_mtu(topology) else { return };
    let declared = topology.wireguard.mtu.map(|mtu| mtu.get());
    match declared {
        _ if largest < SMALLEST => findings.push(narrow_underlay(node, largest)),
        Some(declared) if declared < SMALLEST => {
            findings.push(too_small(declared, largest, topology));
        }
        Some(declared) if declared > largest => {
            findings.push(too_large(declared, largest, node, topology));
        }
        _ => {}
    }
}

/// The largest MTU with which no node fragments, and the node with the smallest underlay.
fn largest_mtu(topology: &Topology) -> Option<(u16, &Node)> {
    match mtu::largest(topology)? {
        MeshMtu { value, reason: Reason::SmallestUnderlay { node, .. } } => {
            Some((value, topology.node(&node)?))
        }
        MeshMtu { reason: Reason::Declared, .. } => None,
    }
}

fn narrow_underlay(node: &Node, largest: u16) -> Finding {
    let underlay = mtu::underlay(node);
    let least = SMALLEST + WIREGUARD_OVERHEAD;
    let message =
        format!("the underlay of `{}` leaves an MTU of {largest} for the mesh", node.name);
    let label = format!("{underlay} − {WIREGUARD_OVERHEAD} = {largest}, less than {SMALLEST}");
    let finding = Finding::new(message, &node.origin.key("underlay_mtu"), label);
    finding.help(format!("the mesh needs an underlay of {least} bytes or more on every node"))
}

fn too_small(declared: u16, largest: u16, topology: &Topology) -> Finding {
    let message = format!("the MTU {declared} is below {SMALLEST}, the minimum for IPv6");
    let at = topology.wireguard.origin.key("mtu");
    let finding = Finding::new(message, &at, "too small");
    finding.fix(Fix::default(&at, &format!("the default is then {largest}")))
}

fn too_large(declared: u16, largest: u16, node: &Node, topology: &Topology) -> Finding {
    let message = format!("the MTU {declared} does not fit into the underlay of `{}`", node.name);
    let (key, assumed) = match (node.underlay_mtu, &node.endpoint) {
        (Some(_), _) => ("underlay_mtu", "declared"),
        (None, None) => ("name", "usual behind NAT"),
        (None, Some(_)) => ("name", "usual for its provider"),
    };
    let underlay = mtu::underlay(node);
    let label = format!("an underlay of {underlay} bytes ({assumed}): at most {largest}");
    let at = topology.wireguard.origin.key("mtu");
    Finding::new(message, &at, "too large")
        .and(&node.origin.key(key), label)
        .fix(Fix::default(&at, &format!("the default is then {largest}")))
}
