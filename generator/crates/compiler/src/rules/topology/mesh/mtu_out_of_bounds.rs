//! Packets of the mesh fit into every underlay, and are large enough for what runs in it.

use crate::check::{Findings, Rule, Scope, Theme};
use crate::derive::mtu::{self, MeshMtu, Reason};
use crate::diagnostic::{Finding, Fix, Severity};
use crate::topology::{Node, Topology};
use meshwright_value::WIREGUARD_OVERHEAD;

pub(super) const RULE: Rule<Topology> = Rule {
    code: "mtu-out-of-bounds",
    severity: Severity::Error,
    theme: Theme::Mesh,
    summary: "the MTU of the mesh does not fit",
    explain: "\
WireGuard adds 80 bytes to a packet (40 of IPv6, 8 of UDP, 32 of its own). A packet that is larger than \
the smallest underlay less those is fragmented or lost on the way: SSH and ping work, and TLS handshakes \
and image pulls hang. So `wireguard.mtu` is at most the smallest underlay − 80; the help names the node \
that decides it.

Below 1280 bytes Linux takes IPv6 off the interface (RFC 8200 §5 asks for 1280); what is left above it \
also holds the 1200 bytes that cloudflared's QUIC never goes below (RFC 9000 §14), with every header.

Leave `wireguard.mtu` out, and it is derived. A node with a smaller way to the Internet says so in \
`underlay_mtu`; `ping -M do -s <size − 28>` finds it.",
    scope: Scope::Tables(&["nodes", "wireguard"]),
    check,
};

/// The smallest MTU that carries IPv6 (RFC 8200 §5).
const SMALLEST: u16 = 1280;

fn check(topology: &Topology, findings: &mut Findings) {
    let Some((largest, node)) = largest(topology) else { return };
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

/// The largest MTU with which no node fragments, and the node that decides it.
fn largest(topology: &Topology) -> Option<(u16, &Node)> {
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
    let message = format!("the underlay of `{}` leaves the mesh an MTU of {largest}", node.name);
    let label = format!("{underlay} − {WIREGUARD_OVERHEAD} = {largest}, less than {SMALLEST}");
    let finding = Finding::new(message, &node.origin.key("underlay_mtu"), label);
    finding.help(format!("the mesh needs an underlay of {least} bytes or more on every node"))
}

fn too_small(declared: u16, largest: u16, topology: &Topology) -> Finding {
    let message = format!("the MTU {declared} is below {SMALLEST}, the least for IPv6");
    let at = topology.wireguard.origin.key("mtu");
    let finding = Finding::new(message, &at, "too small");
    finding.fix(Fix::default(&at, &format!("it is then {largest}")))
}

fn too_large(declared: u16, largest: u16, node: &Node, topology: &Topology) -> Finding {
    let message = format!("the MTU {declared} does not fit into the underlay of `{}`", node.name);
    let (key, assumed) = match (node.underlay_mtu, &node.endpoint) {
        (Some(_), _) => ("underlay_mtu", "declared"),
        (None, None) => ("name", "customary behind NAT"),
        (None, Some(_)) => ("name", "customary for its provider"),
    };
    let underlay = mtu::underlay(node);
    let label = format!("an underlay of {underlay} bytes, {assumed}: {largest} is the most");
    let at = topology.wireguard.origin.key("mtu");
    Finding::new(message, &at, "too large")
        .and(&node.origin.key(key), label)
        .fix(Fix::default(&at, &format!("it is then {largest}")))
}
